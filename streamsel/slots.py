"""The table under a coreset: numbered slots, each with a vector, its columns and its nearest neighbour.

Only the nearest neighbour of each filled slot is remembered (ties to the lowest slot), never a matrix of all pairs:
8,000 slots of 256 dimensions take 17 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.grid import Grid, squared_distances, to_grid

__all__ = ["EMPTY", "Slots"]

Numbers = npt.NDArray[np.int64]
Arrays = Mapping[str, npt.NDArray[Any]]

EMPTY: Final = -1
COLUMNS: Final = ("ids", "rows", "weights", "values", "timed")
CHUNK: Final = 128


class Slots:
    """Slots that fill and empty; the columns are public arrays, indexed by slot.

    ids: running index of the row, or EMPTY. rows: float32 as given. grid: the same on the exact grid.
    weights, values, timed: see Members. gaps: squared grid distance to the nearest other filled slot, `twins`.
    """

    def __init__(self, dim: int) -> None:
        self.rows: Vector = np.zeros((0, dim), np.float32)
        self.grid: Grid = np.zeros((0, dim), np.float32)
        self.ids: Numbers = np.zeros(0, np.int64)
        self.weights: Numbers = np.zeros(0, np.int64)
        self.values: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self.timed: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.gaps: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self.twins: Numbers = np.zeros(0, np.int64)
        self.changed: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.size = 0

    def filled(self) -> Numbers:
        """Slots in use, ascending."""
        return np.flatnonzero(self.ids != EMPTY)

    def reserve(self, count: int) -> None:
        """Make room for at least `count` slots in all."""
        have = len(self.ids)
        if count <= have:
            return
        more = max(count, 2 * have) - have
        for name in ("rows", "grid", "weights", "values", "timed", "changed"):
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros((more, *column.shape[1:]), column.dtype)]))
        self.ids = np.concatenate([self.ids, np.full(more, EMPTY)])
        self.twins = np.concatenate([self.twins, np.full(more, EMPTY)])
        self.gaps = np.concatenate([self.gaps, np.full(more, np.inf, np.float32)])

    def fill(self, squares: npt.NDArray[np.float32], **columns: Any) -> int:
        """Put a row into the lowest empty slot, returned. squares: its distances to all slots, inf to empty ones."""
        slot = int(np.argmin(self.ids != EMPTY))
        for name, value in columns.items():
            getattr(self, name)[slot] = value
        closer = (squares < self.gaps) | ((squares == self.gaps) & (slot < self.twins))
        closer &= self.ids != EMPTY
        closer[slot] = False
        self.gaps[closer], self.twins[closer] = squares[closer], slot
        self._nearest(slot, squares)
        self.changed[slot] = True
        self.size += 1
        return slot

    def empty(self, slots: Numbers) -> None:
        """Empty these slots and find new nearest neighbours for those who lose theirs."""
        lonely = np.isin(self.twins, slots) & (self.ids != EMPTY)
        self.ids[slots], self.weights[slots], self.timed[slots] = EMPTY, 0, False
        self.gaps[slots], self.twins[slots] = np.inf, EMPTY
        self.changed[slots] = True
        self.size -= len(slots)
        self.find_twins(np.flatnonzero(lonely & (self.ids != EMPTY)))

    def distances(self, grid: Grid) -> npt.NDArray[np.float32]:
        """(B, dim) on the grid -> (B, slots) squared distances, inf to empty slots."""
        squares = squared_distances(grid, self.grid)
        squares[:, self.ids == EMPTY] = np.inf
        return squares

    def find_twins(self, slots: Numbers) -> None:
        """Search the nearest neighbours of these slots among all."""
        for start in range(0, len(slots), CHUNK):
            part = slots[start : start + CHUNK]
            squares = self.distances(self.grid[part])
            squares[np.arange(len(part)), part] = np.inf
            self.twins[part] = np.argmin(squares, axis=1)
            self.gaps[part] = squares[np.arange(len(part)), self.twins[part]]
            self.twins[part[np.isinf(self.gaps[part])]] = EMPTY

    def export(self, slots: Numbers) -> dict[str, npt.NDArray[Any]]:
        """These slots' numbers and columns, copied."""
        return {"slots": slots, **{name: getattr(self, name)[slots] for name in COLUMNS}}

    def restore(self, state: Arrays) -> None:
        """Fill the slots of an `export` (empty ones have id EMPTY). Raises KeyError, ValueError or IndexError."""
        slots = state["slots"]
        self.reserve(int(slots.max(initial=-1)) + 1)
        for name in COLUMNS:
            getattr(self, name)[slots] = state[name]
        filled = self.filled()
        self.grid[filled] = to_grid(self.rows[filled])
        self.size = len(filled)
        self.find_twins(filled)

    def _nearest(self, slot: int, squares: npt.NDArray[np.float32]) -> None:
        nearest = int(np.argmin(squares)) if self.size else EMPTY
        self.twins[slot] = nearest
        self.gaps[slot] = squares[nearest] if nearest != EMPTY else np.inf
