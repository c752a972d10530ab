"""The table under a coreset: numbered slots, each with a vector, its columns and its nearest neighbour.

Only the nearest neighbour of each filled slot is remembered (ties to the lowest slot), never a matrix of all pairs:
8,000 slots of 161 dimensions take 11 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.grid import Grid, squared_distances, squared_norms, to_grid

__all__ = ["EMPTY", "Arrivals", "Pair", "Slots"]

Numbers = npt.NDArray[np.int64]
Squares = npt.NDArray[np.float32]

EMPTY: Final = -1
SAVED: Final = ("ids", "rows", "weights", "values", "timed")
CHUNK: Final = 128


class Pair(NamedTuple):
    """Two slots to become one: the loser is emptied, the heir stays. square: their squared distance."""

    loser: int
    heir: int
    square: np.float32


class Slots:
    """Slots that fill and empty; the columns are arrays, indexed by slot.

    ids: running index of the row, or EMPTY. rows: float32 as given; grid: the same on the exact grid; norms: squared.
    weights, values, timed: see `coreset.Members`. gaps: squared grid distance to the nearest other filled slot, which
    is `twins` (inf and EMPTY where there is none). changed: touched since the flag was last cleared.
    """

    def __init__(self, dim: int) -> None:
        self.rows: Vector = np.zeros((0, dim), np.float32)
        self.grid: Grid = np.zeros((0, dim), np.float32)
        self.norms: Squares = np.zeros(0, np.float32)
        self.ids: Numbers = np.zeros(0, np.int64)
        self.weights: Numbers = np.zeros(0, np.int64)
        self.values: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self.timed: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.changed: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.gaps: Squares = np.zeros(0, np.float32)
        self.twins: Numbers = np.zeros(0, np.int64)
        self.size = 0

    def filled(self) -> Numbers:
        """Slots in use, ascending."""
        return np.flatnonzero(self.ids != EMPTY)

    def by_arrival(self, chosen: npt.NDArray[np.bool_]) -> Numbers:
        """The chosen slots, in order of id."""
        slots = np.flatnonzero(chosen)
        return slots[np.argsort(self.ids[slots])]

    def reserve(self, count: int) -> None:
        """Make room for at least `count` slots in all."""
        have = len(self.ids)
        if count <= have:
            return
        more = max(count, min(2 * have, have + 1024)) - have
        blank = {"ids": EMPTY, "twins": EMPTY, "gaps": np.inf}
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray):
                rest = np.full((more, *column.shape[1:]), blank.get(name, 0), column.dtype)
                setattr(self, name, np.concatenate([column, rest]))

    def fill(self, squares: Squares, **columns: Any) -> int:
        """Put a row into the lowest empty slot, and give that. squares: its distances to all slots, inf to empty ones.

        columns: ids, rows, grid, weights, values, timed.
        """
        slot = int(np.argmax(self.ids == EMPTY))
        for name, value in columns.items():
            getattr(self, name)[slot] = value
        self.norms[slot] = squared_norms(self.grid[slot : slot + 1])[0]
        closer = (squares < self.gaps) | ((squares == self.gaps) & (slot < self.twins))
        self.gaps[closer], self.twins[closer] = squares[closer], slot
        if self.size:
            self.twins[slot] = np.argmin(squares)
            self.gaps[slot] = squares[self.twins[slot]]
        self.changed[slot] = True
        self.size += 1
        return slot

    def empty(self, slots: Numbers) -> None:
        """Empty these slots, and find new nearest neighbours for those that lose theirs."""
        self.ids[slots], self.weights[slots], self.timed[slots] = EMPTY, 0, False
        self.gaps[slots], self.twins[slots] = np.inf, EMPTY
        self.changed[slots] = True
        self.size -= len(slots)
        self._find_twins(np.flatnonzero(np.isin(self.twins, slots)))

    def distances(self, grid: Grid) -> Squares:
        """(B, dim) on the grid -> (B, slots) squared distances, inf to empty slots."""
        squares = squared_distances(grid, self.grid, self.norms)
        squares[:, self.ids == EMPTY] = np.inf
        return squares

    def closest(self, count: int) -> list[Pair]:
        """Up to `count` pairs, disjoint, of those that lie closest; a timed slot never loses, else the larger value
        stays, else the earlier row."""
        loose = np.flatnonzero((self.ids != EMPTY) & ~self.timed & np.isfinite(self.gaps))
        order = loose[np.lexsort((-self.ids[loose], self.gaps[loose]))]
        pairs: list[Pair] = []
        met: set[int] = set()
        for slot in order[:count].tolist():
            twin = int(self.twins[slot])
            if slot not in met and twin not in met:
                met |= {slot, twin}
                loser, heir = sorted((slot, twin), key=self._rank)
                pairs.append(Pair(loser, heir, self.gaps[slot]))
        return pairs

    def _rank(self, slot: int) -> tuple[bool, float, int]:
        return bool(self.timed[slot]), float(self.values[slot]), -int(self.ids[slot])

    def merge(self, pairs: list[Pair]) -> None:
        """Each heir takes the weight of its loser, whose slot is emptied."""
        for loser, heir, _ in pairs:
            self.weights[heir] += self.weights[loser]
            self.changed[heir] = True
        self.empty(np.array([pair.loser for pair in pairs], np.int64))

    def _find_twins(self, slots: Numbers) -> None:
        for start in range(0, len(slots), CHUNK):
            part = slots[start : start + CHUNK]
            squares = self.distances(self.grid[part])
            squares[np.arange(len(part)), part] = np.inf
            twins = np.argmin(squares, axis=1)
            self.gaps[part] = squares[np.arange(len(part)), twins]
            self.twins[part] = np.where(np.isinf(self.gaps[part]), EMPTY, twins)

    def export(self, slots: Numbers) -> dict[str, npt.NDArray[Any]]:
        """The numbers of these slots and their columns, copied."""
        return {"slots": slots, **{name: getattr(self, name)[slots] for name in SAVED}}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Fill the slots of an `export` into an empty table. Raises KeyError, ValueError or IndexError."""
        slots = state["slots"]
        self.reserve(int(slots.max(initial=EMPTY)) + 1)
        for name in SAVED:
            getattr(self, name)[slots] = state[name]
        filled = self.filled()
        self.grid[filled] = to_grid(self.rows[filled])
        self.norms = squared_norms(self.grid)
        self.size = len(filled)
        self._find_twins(filled)


@dataclass(slots=True)
class Arrivals:
    """Rows on their way to slots: the columns of `Slots`; timed: None where the running index tells.

    squares: squared grid distances to all slots, kept up to date while slots change. among: to each other.
    """

    ids: Numbers
    rows: Vector
    grid: Grid
    weights: Numbers
    values: npt.NDArray[np.float32]
    timed: npt.NDArray[np.bool_] | None = None
    squares: Squares = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    among: Squares = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def part(self, start: int, length: int, slots: Slots) -> Arrivals:
        """Some of the rows, measured."""
        cut = slice(start, start + length)
        timed, grid = None if self.timed is None else self.timed[cut], self.grid[cut]
        squares, among = slots.distances(grid), squared_distances(grid, grid)
        return Arrivals(self.ids[cut], self.rows[cut], grid, self.weights[cut], self.values[cut], timed, squares, among)
