"""The scout of selections that read no embeddings: what it cannot tell apart it does not judge, so every row passes.

Only the rows that the report's table compares with have pictures. In budget mode the rows are kept, without pictures,
until the choice is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision
from streamsel.embed import Looked, Row, Window
from streamsel.embed.baseline import Samples
from streamsel.embed.larder import BARE
from streamsel.embed.window import writable

__all__ = ["Everyone"]


class Everyone:
    """Passes every window on. keeps: until the end; else each is judged at once. first: number of the first row.

    samples: empty ones, where there is nothing to compare.
    """

    def __init__(self, samples: Samples, *, keeps: bool, first: int = 0) -> None:
        self.samples, self._keeps, self._first = samples, keeps, first
        self.seen = first
        samples.larder.notes = keeps

    def begin(self, expected: int | None) -> None:
        """A source starts, of about so many rows."""
        self.samples.expect(expected)

    def look(self, block: Sequence[Window], worth: npt.NDArray[np.float32] | None = None) -> Looked:
        """Take a block in."""
        ids = list(range(self.seen, self.seen + len(block)))
        for row, window in zip(ids, block, strict=True):
            self.samples.offer(row, window)
            if self._keeps:
                self.samples.larder.note(row, window)
        self.seen += len(block)
        return Looked(ids, ids, [] if self._keeps else [_row(*pair) for pair in zip(ids, block, strict=True)])

    def settle(self, rows: Sequence[int], decisions: Sequence[Decision]) -> None:
        """Nothing is learned of decisions."""

    def end(self) -> dict[int, int]:
        """Nothing changes when a source ends."""
        return {}

    def finish(self) -> tuple[list[int], list[int]]:
        """All rows, each standing for itself; none where they were judged at once."""
        rows = list(range(self._first, self.seen)) if self._keeps else []
        return rows, [1] * len(rows)

    def overview(self) -> tuple[list[int], list[int]]:
        """The rows that the table compares with stand for all."""
        rows = sorted(set(self.samples.users()))
        return rows, [1] * len(rows)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The samples, and how many rows there were."""
        samples = {f"samples.{name}": array for name, array in self.samples.state().items()}
        return {**samples, "seen": np.array(self.seen)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self.seen = int(arrays["seen"])
        samples = {k.removeprefix("samples."): a for k, a in arrays.items() if k.startswith("samples.")}
        if samples:  # an ended run has let its pictures go
            self.samples.restore(samples)
            self.samples.larder.restore(self.samples.users())


def _row(row: int, window: Window) -> Row:
    """A row without pictures: its vector is empty."""
    marks = tuple(frame.mark for frame in window)
    return Row(row, marks, vector=BARE, window=writable(window), signals=window[0].signals)
