"""A bounded, weighted, mergeable set of vectors that stands for every row offered so far.

Used by the scout (which frames are worth embedding) and by the judge (which embeddings are worth choosing from).
Some members are spread evenly over the rows ("timed"), the others over the space: a row joins when it is farther than
`tau` from all members; when the set is full, the closest pairs are merged and tau rises to their distance: the
doubling algorithm (Charikar et al., STOC 1997) in small steps. Farthest-first on a few times k such members is nearly
as good as on all rows (Ceccarello et al., arXiv 1802.09205); the timed members keep the mean close to that of uniform
sampling, and see to it that there is something to choose where nothing ever changes. Where rows have values, a better
row takes the place of what it looks like; that of a timed member only within its stretch of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, pow
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.grid import grid_side, to_grid
from streamsel.slots import Arrivals, Slots

__all__ = ["Changes", "Coreset", "Members"]

Ids = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

MERGED_SHARE: Final = 0.04
"""How much of the room is freed at once: small steps lose little, single ones cost a search each."""
PACE: Final = 0.7
"""After a share p of the expected rows, p ** PACE of the capacity may be in use: what comes early is more often new.
At 0.5 a fifth more rows are admitted in vain, at 1 the set does not fill."""
HEAD_START: Final = 8
"""The eighth part of the capacity that may be in use from the first row on, lest few rows come than expected."""
BLOCK: Final = 256
SCALARS: Final = ("capacity", "dim", "uniform", "expected", "seen", "stride", "tau2")


@dataclass(frozen=True, slots=True)
class Changes:
    """What one call changed, net: a row that came and went within it is in neither list.

    holders:  (B,) id of the member that stands for each row now; its own id when it is one.
    admitted: (A,) ids of the rows that are members now. evicted: (E,) ids of earlier members that are no more.
    heirs:    (E,) id of the member that stands for each evicted one now.
    """

    holders: Ids
    admitted: Ids
    evicted: Ids
    heirs: Ids


@dataclass(frozen=True, slots=True)
class Members:
    """The members in order of arrival.

    ids: (M,) running index of the row among all rows offered. rows: (M, dim) float32. weights: (M,) rows that it
    stands for, itself included. values: (M,) float32. timed: (M,) bool, one of those spread evenly over the rows.
    """

    ids: Ids
    rows: Vector
    weights: Ids
    values: Values
    timed: Flags

    def __len__(self) -> int:
        return len(self.ids)


class Coreset:
    """At most `capacity` members of dimension `dim`; up to the share `uniform` of them spread evenly over the rows.

    expected: how many rows will come, where that is known. The timed members then start at their final stride and the
    others fill up at the pace of the rows, so that few rows are admitted only to be evicted. It need not be true: if
    more come the stride doubles, as it does without a guess; if fewer come than a quarter, fewer members than an
    eighth of the capacity may be left of rows that are all equal.

    Laws: weights sum to the number of rows offered; any cut of the rows into blocks gives the same coreset, bit for
    bit, on any machine; `from_state(state())` goes on as if nothing had happened.
    """

    def __init__(self, capacity: int, dim: int, *, uniform: float = 0.5, expected: int | None = None) -> None:
        if capacity < 2 or dim < 1 or not 0 <= uniform < 1:
            got = f"{capacity}, {dim}, {uniform}"
            raise UsageError(f"a coreset needs capacity >= 2, dim >= 1 and 0 <= uniform < 1, got {got}")
        self.capacity = capacity
        self.dim = dim
        self.uniform = int(capacity * uniform)
        self.expected = expected or 0
        self.seen = 0
        self.stride = max(1, ceil(self.expected / self.uniform)) if self.uniform else 0
        self._tau2 = np.float32(0)
        self._slots = Slots(dim)
        self._admitted: list[int] = []
        self._heirs: dict[int, int] = {}

    def __len__(self) -> int:
        return self._slots.size

    @property
    def tau(self) -> float:
        """Euclidean distance up to which a row is held by a member."""
        return float(np.sqrt(self._tau2)) / grid_side(self.dim)

    def offer(self, rows: Vector, values: Values | None = None) -> Changes:
        """Take (B, dim) float32 rows of unit norm, in order. values: (B,), 0 unless given; inside a tau-ball the row
        with the larger value stays, the first among equals.

        Raises UsageError, naming the row, on another shape, NaN or another norm; nothing is changed then.
        """
        if rows.ndim != 2 or rows.shape[1] != self.dim:
            raise UsageError(f"rows must be (B, {self.dim}), got {rows.shape}")
        worth = np.zeros(len(rows), np.float32) if values is None else np.asarray(values, np.float32)
        if worth.shape != (len(rows),) or np.isnan(worth).any():
            raise UsageError(f"values must be {len(rows)} numbers, one a row, got shape {worth.shape} or NaN")
        ids = np.arange(self.seen, self.seen + len(rows))
        return self._take(Arrivals(ids, rows, to_grid(rows), np.ones(len(rows), np.int64), worth), len(rows))

    def merge(self, other: Coreset) -> Changes:
        """Take in the members of `other` with their weights, as if its rows had followed this one's.

        An id of `other` becomes id + self.seen, the rows in `holders` are its members in order of arrival. In whatever
        order coresets are merged, weights add up, the capacity holds and the timed members have a common stride; which
        members stay depends on the order, and on nothing else. `other` is not changed.
        """
        if other.dim != self.dim:
            raise UsageError(f"coresets of dimension {self.dim} and {other.dim} cannot be merged")
        theirs = other.members()
        timed = self._join_strides(other.stride, theirs.timed.copy())
        ids, grid = theirs.ids + self.seen, to_grid(theirs.rows)
        return self._take(Arrivals(ids, theirs.rows, grid, theirs.weights, theirs.values, timed), other.seen)

    def members(self) -> Members:
        """The members in order of arrival, copied."""
        columns = self._slots.export(self._slots.by_arrival(self._slots.ids >= 0))
        return Members(**{name: column for name, column in columns.items() if name != "slots"})

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as arrays: the scalars, and the filled `slots` with their columns."""
        return {**self._scalars(), **self._slots.export(self._slots.filled())}

    def take_changes(self) -> dict[str, npt.NDArray[Any]]:
        """Like `state`, but only the slots that changed since the last call; those emptied have id -1.

        Written over an earlier state, slot by slot, they give the present one.
        """
        changed = np.flatnonzero(self._slots.changed)
        self._slots.changed[:] = False
        return {**self._scalars(), **self._slots.export(changed)}

    @classmethod
    def from_state(cls, state: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The coreset whose `state()` this is. Raises StateError where something is missing or does not fit."""
        try:
            capacity, dim, uniform, expected, seen, stride, tau2 = (state[name].item() for name in SCALARS)
            made = cls(capacity, dim, uniform=0)
            made.uniform, made.expected, made.seen, made.stride = uniform, expected, seen, stride
            made._tau2 = np.float32(tau2)
            made._slots.restore(state)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise StateError(f"the saved coreset is damaged ({error}); start anew with --fresh") from error
        return made

    def _scalars(self) -> dict[str, npt.NDArray[Any]]:
        whole = (self.capacity, self.dim, self.uniform, self.expected, self.seen, self.stride)
        named = {name: np.array(number, np.int64) for name, number in zip(SCALARS, whole, strict=False)}
        return {**named, "tau2": np.array(self._tau2, np.float64)}

    def _take(self, arrivals: Arrivals, seen: int) -> Changes:
        end = self.seen + seen
        holders: list[int] = []
        for start in range(0, len(arrivals.ids), BLOCK):
            self._slots.reserve(min(self.capacity, len(self) + BLOCK, len(self) + len(arrivals.ids)))
            part = arrivals.part(start, BLOCK, self._slots)
            holders += [self._settle(part, place) for place in range(len(part.ids))]
        self.seen = end
        return self._net(holders)

    def _settle(self, arrivals: Arrivals, place: int) -> int:
        """Admit one row or count it to the nearest member; gives the id of the one that stands for it."""
        row = int(arrivals.ids[place])
        if arrivals.timed is None:
            self.seen = row + 1
            timed = self._is_timed(row)
        else:
            timed = bool(arrivals.timed[place])
        nearest = int(np.argmin(arrivals.squares[place])) if len(self) else -1
        if nearest >= 0 and not timed and arrivals.squares[place, nearest] <= self._tau2:
            return self._hold(arrivals, place, nearest)
        if len(self) >= self._limit():
            self._shrink(arrivals)
        self._admit(arrivals, place, timed)
        return row

    def _hold(self, arrivals: Arrivals, place: int, slot: int) -> int:
        """Count a row to the member in this slot, or the member to the row that is worth more and fits there."""
        slots, row = self._slots, int(arrivals.ids[place])
        if arrivals.values[place] > slots.values[slot] and self._replaces(arrivals, place, slot):
            timed, weight = bool(slots.timed[slot]), slots.weights[slot]
            self._heirs[int(slots.ids[slot])] = row
            slots.empty(np.array([slot]))
            arrivals.squares[:, slot] = np.inf
            slots.weights[self._admit(arrivals, place, timed)] += weight
            return row
        slots.weights[slot] += arrivals.weights[place]
        slots.changed[slot] = True
        return int(slots.ids[slot])

    def _replaces(self, arrivals: Arrivals, place: int, slot: int) -> bool:
        """Whether a row stands as well in the place of the member in this slot: for the same stretch of time, where
        that is timed; else as far from all other members but the timed ones."""
        slots = self._slots
        if slots.timed[slot]:
            return int(arrivals.ids[place]) // self.stride == int(slots.ids[slot]) // self.stride
        others = np.where(slots.timed, np.inf, arrivals.squares[place])
        others[slot] = np.inf
        return bool(others.min(initial=np.inf) > self._tau2)

    def _admit(self, arrivals: Arrivals, place: int, timed: bool) -> int:
        columns = {name: getattr(arrivals, name)[place] for name in ("ids", "rows", "grid", "weights", "values")}
        slot = self._slots.fill(arrivals.squares[place], timed=timed, **columns)
        arrivals.squares[:, slot] = arrivals.among[place]
        self._admitted.append(int(arrivals.ids[place]))
        return slot

    def _limit(self) -> int:
        """How many members there may be by now: the capacity, or what is due at the pace of the expected rows."""
        if self.seen >= self.expected:
            return self.capacity
        due = ceil(self.capacity * pow(self.seen / self.expected, PACE))
        return min(self.capacity, max(due, self.capacity // HEAD_START, int(self._slots.timed.sum()) + 1))

    def _shrink(self, arrivals: Arrivals) -> None:
        """Merge the closest pairs until a few per cent of the room is free; tau rises to the farthest of them."""
        slots, limit = self._slots, self._limit()
        target = limit - max(1, int(limit * MERGED_SHARE))
        while len(self) > target and (pairs := slots.closest(len(self) - target)):
            for pair in pairs:
                self._heirs[int(slots.ids[pair.loser])] = int(slots.ids[pair.heir])
                self._tau2 = max(self._tau2, pair.square)
            slots.merge(pairs)
            arrivals.squares[:, [pair.loser for pair in pairs]] = np.inf

    def _is_timed(self, row: int) -> bool:
        """Whether this row is one of the evenly spread ones; halves their density when there are too many."""
        if not self.uniform or row % self.stride:
            return False
        if self._slots.timed.sum() >= self.uniform:
            self._thin()
        return row % self.stride == 0 and bool(self._slots.timed.sum() < self.uniform)

    def _thin(self) -> int:
        """Every second timed member becomes an ordinary one, and the stride doubles; gives how many there were."""
        timed = self._slots.by_arrival(self._slots.timed)
        self._slots.timed[timed[1::2]] = False
        self._slots.changed[timed[1::2]] = True
        self.stride *= 2
        return len(timed)

    def _join_strides(self, stride: int, theirs: Flags) -> Flags:
        """Bring both sides' timed members to a similar stride that leaves room for all; gives the other side's."""
        if not self.uniform or not stride:
            return np.zeros_like(theirs)
        while 2 * self.stride <= stride:
            self._thin()
        while 2 * stride <= self.stride:
            theirs[np.flatnonzero(theirs)[1::2]] = False
            stride *= 2
        while self._slots.timed.sum() + theirs.sum() > self.uniform:
            theirs[np.flatnonzero(theirs)[1 - self._thin() % 2 :: 2]] = False
        return theirs

    def _net(self, holders: list[int]) -> Changes:
        """From what happened row by row to what is different now."""
        new = set(self._admitted)
        evicted = sorted(row for row in self._heirs if row not in new)
        admitted = [row for row in self._admitted if row not in self._heirs]
        parts = ([self._now(row) for row in holders], admitted, evicted, [self._now(row) for row in evicted])
        self._admitted, self._heirs = [], {}
        return Changes(*(np.array(ids, np.int64) for ids in parts))

    def _now(self, row: int) -> int:
        while (heir := self._heirs.get(row)) is not None:
            row = heir
        return row
