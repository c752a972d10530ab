"""The scout that lets every row pass: of selections that read no embeddings, and of streams whose vectors are known.

Of the former only the rows that the report's table compares with have pictures. In budget mode the rows are kept,
without pictures, until the choice is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Vector
from streamsel.embed import Looked, Row, Window
from streamsel.embed.baseline import Samples
from streamsel.embed.larder import BARE
from streamsel.embed.window import writable

__all__ = ["Everyone"]


class Everyone:
    """Passes every window on. keeps: until the end; else each is judged at once. first: number of the first row.

    samples: empty ones, where there is nothing to compare. vectors: of a block of windows, (B, D), where they are known
    without embedding; None: rows have empty ones.
    """

    def __init__(
        self,
        samples: Samples,
        *,
        keeps: bool,
        first: int = 0,
        vectors: Callable[[Sequence[Window]], Vector] | None = None,
    ) -> None:
        self.samples, self._keeps, self._first, self._vectors = samples, keeps, first, vectors
        self.seen = first
        samples.larder.notes = keeps

    def begin(self, expected: int | None) -> None:
        """A source starts, of about so many rows."""
        self.samples.expect(expected)

    def look(self, block: Sequence[Window], worth: npt.NDArray[np.float32] | None = None) -> Looked:
        """Take a block in."""
        ids = list(range(self.seen, self.seen + len(block)))
        vectors = self._vectors(block) if self._vectors else [None] * len(block)
        rows = list(zip(ids, block, vectors, strict=True))
        for row, window, vector in rows:
            self.samples.offer(row, window, vector)
            if self._keeps:
                self.samples.larder.note(row, window)
        self.seen += len(block)
        return Looked(ids, ids, [] if self._keeps else [_row(*one) for one in rows])

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


def _row(row: int, window: Window, vector: Vector | None) -> Row:
    """A row without pictures: its vector is empty where it is not known."""
    marks = tuple(frame.mark for frame in window)
    known = BARE if vector is None else vector
    return Row(row, marks, vector=known, window=writable(window), signals=window[0].signals)
