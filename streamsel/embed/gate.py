"""The stream mode's gate: a frame that looks like one already embedded is held, and never reaches the embedder.

It only says 'surely not new'. A frame is compared with frames that were let through, never with the one before it,
so slow drift adds up until it passes. What an embedder makes of two frames differs by about the square root of what
their descriptors differ by: in 99 of 100 pairs of frames of real clips at descriptor distance x, embeddings of the
default model are nearer than 1.7 * sqrt(x). So a frame let through holds what lies within `SAME` of it, and, once the
judge has found how far it is from becoming a pick, whatever lies within the square of that room.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.embed.scout import DIM
from streamsel.grid import Grid, grid_side, squared_distances, to_grid

__all__ = ["LOOK", "Gate"]

Numbers = npt.NDArray[np.int64]

LOOK: Final = -1
MEMORY: Final = 512
SAME: Final = 0.01
"""Descriptor distance at which 99 of 100 embeddings are nearer than .2, where neighbouring frames are .16 apart."""
REACH: Final = 0.12
"""Descriptor distance that a room of one novelty distance covers: .6 of what 99 of 100 pairs allow."""
LEAST: Final = 4
"""Frames let through for each one that a target ratio wants kept, at least."""
AIM: Final = 12
"""The same, aimed at; below it, or below LEAST_SHARE, what the descriptors overlook begins to be missed."""
LEAST_SHARE: Final = 0.35
CATCH_UP: Final = 16
"""So many frames behind, or ahead of, what was aimed at double, or end, the share let through."""
RECENT: Final = 512
"""Frames among which the most novel are let through."""


class Gate:
    """Remembers the MEMORY frames let through that were useful last: just let through, or holding another.

    target_ratio: share of frames to keep. Of recent frames only the most novel are let through then, AIM times as many
    as will be kept, and always at least LEAST times as many as the ratio wants: of all frames so far, and of those
    since the last one that was let through, however many passed before nothing changed any more.
    Laws: any cut of the frames into blocks gives the same; a snapshot restored changes nothing.
    """

    def __init__(self, *, target_ratio: float | None = None) -> None:
        self.target_ratio = target_ratio
        self._begin()

    def _begin(self) -> None:
        self.seen = 0
        self.passed = 0
        self._latest = LOOK
        self._rows: Vector = np.zeros((MEMORY, DIM), np.float32)
        self._grid: Grid = np.zeros((MEMORY, DIM), np.float32)
        self._numbers: Numbers = np.full(MEMORY, LOOK)
        self._reach = np.zeros(MEMORY, np.float32)
        self._worth = np.zeros(MEMORY, np.float32)
        self._useful: Numbers = np.full(MEMORY, LOOK)
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._sorted: list[float] = []

    def offer(self, rows: Vector, worth: npt.NDArray[np.float32] | None = None) -> Numbers:
        """(B, DIM) descriptors, in order -> (B,) the number of the frame that holds each, LOOK for those let through.

        Frames are numbered from 0 in the order offered. worth: (B,); a frame that is worth more than the one that would
        hold it is let through. Raises UsageError that names a row of another norm, or NaN.
        """
        grid = to_grid(rows)
        squares, among = squared_distances(grid, self._grid), squared_distances(grid, grid)
        squares[:, self._numbers == LOOK] = np.inf
        held_by = np.full(len(rows), LOOK)
        for place in range(len(rows)):
            holder = self._holder(np.sqrt(squares[place]) / grid_side(DIM))
            better = worth is not None and holder != LOOK and worth[place] > self._worth[holder]
            if holder == LOOK or better:
                slot = self._remember(rows[place], grid[place])
                self._worth[slot] = 0 if worth is None else worth[place]
                squares[:, slot] = among[place]
            else:
                held_by[place] = self._numbers[holder]
                self._useful[holder] = self.seen
            self.seen += 1
        return held_by

    def settle(self, numbers: Sequence[int], rooms: Sequence[float]) -> None:
        """What the judge found of frames let through: how far each is from becoming a pick, in novelty distances.

        With a minimum distance D, and the frame's distance d to the nearest pick (0 for a pick), its room is
        sqrt(D^2 - d^2): small steps in many dimensions are nearly perpendicular. Only for single frames: a frame held
        from that far cannot lend its vector to a sequence.
        """
        order = np.argsort(self._numbers)
        found = order[np.minimum(np.searchsorted(self._numbers, numbers, sorter=order), MEMORY - 1)]
        known = self._numbers[found] == np.asarray(numbers)
        self._reach[found[known]] = np.maximum(SAME, REACH * np.square(np.asarray(rooms)[known]))

    def forget(self) -> None:
        """Hold nothing for any frame before: some that were let through never reached the judge."""
        self._numbers[:] = self._useful[:] = LOOK

    def _holder(self, gaps: npt.NDArray[np.float32]) -> int:
        """The nearest slot that holds a frame at these distances, or LOOK."""
        if self.target_ratio is not None:
            nearest = int(np.argmin(gaps))
            return LOOK if self._lets_through(float(gaps[nearest])) else nearest
        holds = np.flatnonzero(gaps <= self._reach)
        return int(holds[np.argmin(gaps[holds])]) if holds.size else LOOK

    def _lets_through(self, gap: float) -> bool:
        """Note the gap to the nearest; whether it is among the largest of late, or too few frames were let through."""
        self._note(min(gap, 2.0))
        ratio = self.target_ratio or 0.0
        aim = min(1.0, max(LEAST_SHARE, AIM * ratio))
        short = aim * (self.seen + 1) - self.passed
        share = min(1.0, max(0.0, aim * (1 + short / CATCH_UP)))
        threshold = self._sorted[min(len(self._sorted) - 1, int((1 - share) * len(self._sorted)))]
        return (gap > SAME and gap >= threshold) or self._is_due(min(1.0, LEAST * ratio))

    def _is_due(self, least: float) -> bool:
        """Whether less than this share passed, of all frames or of the latest."""
        return self.passed < least * (self.seen + 1) or (self.seen - self._latest) * least >= 1

    def _note(self, gap: float) -> None:
        if len(self._recent) == RECENT:
            del self._sorted[bisect_left(self._sorted, self._recent[0])]
        self._recent.append(gap)
        insort(self._sorted, gap)

    def _remember(self, row: Vector, grid: Grid) -> int:
        """In place of the frame that was useful longest ago."""
        slot = int(np.argmin(self._useful))
        self._rows[slot], self._grid[slot] = row, grid
        self._numbers[slot] = self._useful[slot] = self.seen
        self._reach[slot] = SAME
        self._latest = self.seen
        self.passed += 1
        return slot

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it, as arrays."""
        known = np.flatnonzero(self._numbers != LOOK)
        columns: dict[str, npt.NDArray[Any]]
        columns = {"rows": self._rows, "numbers": self._numbers, "reach": self._reach, "useful": self._useful}
        columns["worth"] = self._worth
        saved = {name: column[known] for name, column in columns.items()}
        return {**saved, "recent": np.array(self._recent), "counts": np.array([self.seen, self.passed])}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from; the target ratio is this one's own."""
        self._begin()
        self.seen, self.passed = state["counts"].tolist()
        self._latest = int(max(state["numbers"], default=LOOK))
        filled = len(state["numbers"])
        self._rows[:filled], self._grid[:filled] = state["rows"], to_grid(state["rows"])
        self._numbers[:filled], self._useful[:filled] = state["numbers"], state["useful"]
        self._reach[:filled], self._worth[:filled] = state["reach"], state["worth"]
        self._recent.extend(state["recent"].tolist())
        self._sorted = sorted(self._recent)
