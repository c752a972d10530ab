"""The stream mode's scout: what may be new goes to the judge at once, what is surely not is held.

Rows are numbered over the whole run, in the order looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Picture, Pixels
from streamsel.embed import Looked, Row, Window
from streamsel.embed.baseline import Samples
from streamsel.embed.gate import LOOK, Gate
from streamsel.embed.scout import describe
from streamsel.embed.window import writable

__all__ = ["Watch"]


class Watch:
    """Passes a window on when the gate lets any of its frames through.

    size: width and height of the judge's pictures. room: how far a decision is from being a pick, in novelty distances
    (see `Gate.settle`); None where that cannot be said.
    """

    def __init__(
        self, gate: Gate, samples: Samples, size: tuple[int, int], room: Callable[[Decision], float] | None = None
    ) -> None:
        self._gate, self.samples, self._size, self._room = gate, samples, size, room
        self.seen = 0

    def begin(self, expected: int | None) -> None:
        """Sources follow each other; the gate remembers all of them."""

    def look(self, block: Sequence[Window], worth: npt.NDArray[np.float32] | None = None) -> Looked:
        """Take a block in; a window that is held has the row that its last frame resembles as holder.

        worth: a frame worth more than the one that would hold it passes, and any that is worth infinity.
        """
        length = len(block[0])
        ids = list(range(self.seen, self.seen + len(block)))
        described = describe(np.stack([frame.picture.i420() for window in block for frame in window]))
        each = np.zeros(len(described), np.float32) if worth is None else np.repeat(worth, length)
        held_by = np.where(np.isposinf(each), LOOK, self._gate.offer(described, each))
        holders, rows = [], []
        for row, window, by in zip(ids, block, held_by.reshape(-1, length), strict=True):
            self.samples.offer(row, window)
            if (by < 0).any():
                rows.append(self._row(row, window, by))
            holders.append(row if (by < 0).any() else int(by[-1]) // length)
        self.seen += len(block)
        return Looked(ids, holders, rows)

    def _row(self, row: int, window: Window, held_by: npt.NDArray[np.int64]) -> Row:
        pictures = [self._crop(f.picture) if by < 0 else None for f, by in zip(window, held_by, strict=True)]
        marks = tuple(frame.mark for frame in window)
        return Row(row, marks, tuple(pictures), window=writable(window), signals=window[0].signals)

    def _crop(self, picture: Picture) -> Pixels:
        return picture.rgb(*self._size)

    def settle(self, rows: Sequence[int], decisions: Sequence[Decision]) -> None:
        """Let the gate hold more around rows that are far from becoming picks."""
        if self._room is not None and rows:
            self._gate.settle(rows, [self._room(decision) for decision in decisions])

    def end(self) -> dict[int, int]:
        """Nothing changes when a source ends."""
        return {}

    def finish(self) -> tuple[list[int], list[int]]:
        """Nothing is left for the end."""
        return [], []

    def overview(self) -> tuple[list[int], list[int]]:
        """What was embedded is remembered elsewhere."""
        return [], []

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The gate's memory, the samples, and how many rows there were."""
        parts = {"gate": self._gate.state(), "samples": self.samples.state()}
        named = {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        return {**named, "seen": np.array(self.seen)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self.seen = int(arrays["seen"])
        self._gate.restore({k.removeprefix("gate."): a for k, a in arrays.items() if k.startswith("gate.")})
        samples = {k.removeprefix("samples."): a for k, a in arrays.items() if k.startswith("samples.")}
        if samples:  # an ended run has let its pictures go
            self.samples.restore(samples)
            self.samples.larder.restore(self.samples.users())
