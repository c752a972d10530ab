"""A bounded, weighted, mergeable set of vectors that stands for every row offered so far.

Used by the scout (which frames are worth embedding) and by the judge (which embeddings are worth choosing from).
Some members are spread evenly over the rows ("timed"), the others over the space: a row joins when it is farther than
`tau` from all members; when the set is full, the closest pairs are merged and tau rises to their distance: the
doubling algorithm (Charikar et al., STOC 1997) in small steps. Farthest-first on a few times k such members is nearly
as good as on all rows (Ceccarello et al., arXiv 1802.09205).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.grid import Grid, grid_side, squared_distances, to_grid
from streamsel.slots import Slots

__all__ = ["Changes", "Coreset", "Members"]

Ids = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Arrays = Mapping[str, npt.NDArray[Any]]

MERGED_SHARE: Final = 0.04
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


@dataclass(slots=True)
class _Rows:
    """Rows on their way in: the columns of Members, and the vectors on the exact grid."""

    ids: Ids
    rows: Vector
    grid: Grid
    weights: Ids
    values: Values
    timed: Flags | None = None

    def __getitem__(self, part: slice) -> _Rows:
        timed = None if self.timed is None else self.timed[part]
        return _Rows(
            self.ids[part], self.rows[part], self.grid[part], self.weights[part], self.values[part], timed
        )


class Coreset:
    """At most `capacity` members of dimension `dim`; up to the share `uniform` of them spread evenly over the rows.

    expected: how many rows will come, where that is known. The evenly spread members then start at their final
    stride and the others fill up at the pace of the rows, so that few rows are admitted only to be evicted. It need
    not be true: if more come the stride doubles, as it does without a guess.

    Laws: weights sum to the number of rows offered; any cut of the rows into blocks gives the same coreset, bit for
    bit, on any machine; `from_state(state())` goes on as if nothing had happened.
    """

    def __init__(self, capacity: int, dim: int, *, uniform: float = 0.5, expected: int | None = None) -> None:
        if capacity < 1 or dim < 1 or not 0 <= uniform < 1:
            got = f"{capacity}, {dim}, {uniform}"
            raise UsageError(f"a coreset needs capacity >= 1, dim >= 1 and 0 <= uniform < 1, got {got}")
        self.capacity = capacity
        self.dim = dim
        self.uniform = int(capacity * uniform)
        self.expected = expected or 0
        self.seen = 0
        self.stride = max(1, ceil(self.expected / self.uniform)) if self.uniform else 0
        self._tau2 = np.float32(0)
        self._slots = Slots(dim)
        self._heirs: dict[int, int] = {}

    def __len__(self) -> int:
        return self._slots.size

    @property
    def tau(self) -> float:
        """Euclidean distance up to which a row is held by a member."""
        return float(np.sqrt(self._tau2)) / grid_side(self.dim)

    def offer(self, rows: Vector, values: Values | None = None) -> Changes:
        """Take (B, dim) float32 rows of unit norm, in order; where one holds another the larger value stays.

        Raises UsageError, naming the row, on another shape, NaN or another norm; nothing is changed then.
        """
        if rows.ndim != 2 or rows.shape[1] != self.dim:
            raise UsageError(f"rows must be (B, {self.dim}), got {rows.shape}")
        worth = np.zeros(len(rows), np.float32) if values is None else np.asarray(values, np.float32)
        if worth.shape != (len(rows),) or np.isnan(worth).any():
            raise UsageError(f"values must be {len(rows)} numbers, one a row, got shape {worth.shape} or NaN")
        ids = np.arange(self.seen, self.seen + len(rows))
        return self._take(_Rows(ids, rows, to_grid(rows), np.ones(len(rows), np.int64), worth), len(rows))

    def merge(self, other: Coreset) -> Changes:
        """Take in the members of `other`, with their weights, as if its rows had followed this one's.

        An id of `other` becomes id + self.seen. Whatever the order of merging, weights add up and the capacity holds;
        which members stay depends on it, deterministically: merge in source order. `other` is not changed.
        """
        if other.dim != self.dim:
            raise UsageError(f"coresets of dimension {self.dim} and {other.dim} cannot be merged")
        theirs = other.members()
        timed = self._join_strides(other.stride, theirs.timed.copy())
        rows = _Rows(
            theirs.ids + self.seen, theirs.rows, to_grid(theirs.rows), theirs.weights, theirs.values, timed
        )
        return self._take(rows, other.seen)

    def members(self) -> Members:
        """The members in order of arrival, copied."""
        slots = self._slots.filled()
        slots = slots[np.argsort(self._slots.ids[slots])]
        columns = self._slots.export(slots)
        del columns["slots"]
        return Members(**columns)

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
    def from_state(cls, state: Arrays) -> Self:
        """The coreset whose `state()` this is. Raises StateError where something is missing or does not fit."""
        try:
            capacity, dim, uniform, expected, seen, stride, tau2 = (state[name].item() for name in SCALARS)
            made = cls(capacity, dim, uniform=0)
            made.uniform, made.expected, made.seen, made.stride = uniform, expected, seen, stride
            made._tau2 = np.float32(tau2)
            made._slots.restore(state)
        except (KeyError, ValueError, IndexError) as error:
            raise StateError(f"the saved coreset is damaged ({error}); start anew with --fresh") from error
        return made

    def _scalars(self) -> dict[str, npt.NDArray[Any]]:
        numbers = (self.capacity, self.dim, self.uniform, self.expected, self.seen, self.stride)
        whole = {name: np.array(number, np.int64) for name, number in zip(SCALARS, numbers, strict=False)}
        return {**whole, "tau2": np.array(self._tau2, np.float64)}

    def _take(self, rows: _Rows, seen: int) -> Changes:
        before = set(self._slots.ids[self._slots.filled()].tolist())
        end = self.seen + seen
        holders = [0] * len(rows.ids)
        for start in range(0, len(rows.ids), BLOCK):
            part = rows[start : start + BLOCK]
            holders[start : start + BLOCK] = self._take_block(part)
        self.seen = end
        return self._net(before, holders)

    def _take_block(self, rows: _Rows) -> list[int]:
        """Settle the rows one by one; squares[b] holds row b's distances to all slots, kept up to date."""
        table = self._slots
        table.reserve(min(self.capacity, table.size + len(rows.ids)))
        squares = table.distances(rows.grid)
        inside = squared_distances(rows.grid, rows.grid)
        holders = []
        for b, row_id in enumerate(rows.ids.tolist()):
            self.seen = row_id + 1 if rows.timed is None else self.seen
            timed = self._is_time(row_id) if rows.timed is None else bool(rows.timed[b])
            nearest = int(np.argmin(squares[b]))
            near = squares[b, nearest]
            if not (timed or near > self._tau2):
                holders.append(self._hold(rows, b, nearest, squares, inside))
                continue
            if table.size >= self._limit():
                self._shrink(squares)
            if table.size >= self.capacity:
                raise AssertionError("no room was made")
            self._admit(rows, b, timed, squares, inside)
            holders.append(row_id)
        return holders

    def _hold(
        self, rows: _Rows, b: int, slot: int, squares: npt.NDArray[np.float32], inside: npt.NDArray[np.float32]
    ) -> int:
        table = self._slots
        if rows.values[b] > table.values[slot] and not table.timed[slot]:
            rest = np.delete(squares[b], slot)
            if not rest.size or rest.min() > self._tau2:
                return self._replace(rows, b, slot, squares, inside)
        table.weights[slot] += rows.weights[b]
        table.changed[slot] = True
        return int(table.ids[slot])

    def _replace(
        self, rows: _Rows, b: int, slot: int, squares: npt.NDArray[np.float32], inside: npt.NDArray[np.float32]
    ) -> int:
        """The row takes the place and the weight of the member in that slot."""
        table = self._slots
        gone, weight = int(table.ids[slot]), int(table.weights[slot])
        table.empty(np.array([slot]))
        squares[:, slot] = np.inf
        new = self._admit(rows, b, False, squares, inside)
        table.weights[new] += weight
        self._heirs[gone] = int(rows.ids[b])
        return int(rows.ids[b])

    def _admit(
        self,
        rows: _Rows,
        b: int,
        timed: bool,
        squares: npt.NDArray[np.float32],
        inside: npt.NDArray[np.float32],
    ) -> int:
        slot = self._slots.fill(
            squares[b],
            ids=rows.ids[b],
            rows=rows.rows[b],
            grid=rows.grid[b],
            weights=rows.weights[b],
            values=rows.values[b],
            timed=timed,
        )
        squares[:, slot] = inside[b]
        return slot

    def _is_time(self, row_id: int) -> bool:
        """Whether this row is one of the evenly spread ones; halves their density when there are too many."""
        if not self.uniform or row_id % self.stride:
            return False
        if int(self._slots.timed.sum()) == self.uniform:
            self._thin()
        return row_id % self.stride == 0

    def _thin(self) -> None:
        """Every second timed member becomes an ordinary one, and the stride doubles."""
        timed = np.flatnonzero(self._slots.timed)
        odd = timed[np.argsort(self._slots.ids[timed])][1::2]
        self._slots.timed[odd] = False
        self._slots.changed[odd] = True
        self.stride *= 2

    def _join_strides(self, stride: int, timed: Flags) -> Flags:
        """Bring both sides' timed members to a similar density that fits; returns the other side's flags."""
        while self.uniform and 2 * self.stride <= stride:
            self._thin()
        while 2 * stride <= self.stride or (timed.any() and timed.sum() + self._slots.timed.sum() > self.uniform):
            if stride >= self.stride and self._slots.timed.sum() > timed.sum():
                self._thin()
                continue
            timed[np.flatnonzero(timed)[1::2]] = False
            stride *= 2
        return timed

    def _limit(self) -> int:
        """How many members may be held by now: the capacity, or what is due at the pace of the expected rows."""
        if self.seen >= self.expected:
            return self.capacity
        due = self.capacity * (self.seen / self.expected) ** 0.5
        return min(self.capacity, max(ceil(due), self.capacity // 8, int(self._slots.timed.sum()) + 1))

    def _shrink(self, squares: npt.NDArray[np.float32]) -> None:
        """Merge the closest pairs until a few per cent of the room is free; tau rises to the last pair's distance."""
        table = self._slots
        limit = self._limit()
        target = limit - max(1, int(limit * MERGED_SHARE))
        while table.size > target:
            loose = np.flatnonzero((table.ids != -1) & ~table.timed)
            order = loose[np.lexsort((-table.ids[loose], table.gaps[loose]))]
            if not order.size:
                return
            victims: dict[int, int] = {}
            for slot in order[: table.size - target].tolist():
                twin = int(table.twins[slot])
                if slot in victims or twin in victims:
                    continue
                loser, heir = (slot, twin) if table.timed[twin] or not self._outranks(slot, twin) else (twin, slot)
                victims[loser] = heir
                self._tau2 = max(self._tau2, table.gaps[slot])
            self._bequeath(victims, squares)

    def _outranks(self, slot: int, other: int) -> bool:
        table = self._slots
        return (float(table.values[slot]), -int(table.ids[slot])) > (
            float(table.values[other]),
            -int(table.ids[other]),
        )

    def _bequeath(self, victims: dict[int, int], squares: npt.NDArray[np.float32]) -> None:
        table = self._slots
        for loser, heir in victims.items():
            self._heirs[int(table.ids[loser])] = int(table.ids[heir])
            table.weights[heir] += table.weights[loser]
            table.changed[heir] = True
        gone = np.fromiter(victims, np.int64, len(victims))
        table.empty(gone)
        squares[:, gone] = np.inf

    def _net(self, before: set[int], holders: list[int]) -> Changes:
        """From what happened row by row to what is different now."""

        def now(row_id: int) -> int:
            while row_id in self._heirs:
                row_id = self._heirs[row_id]
            return row_id

        stay = [now(holder) for holder in holders]
        after = set(self._slots.ids[self._slots.filled()].tolist())
        evicted = sorted(before - after)
        heirs = [now(row_id) for row_id in evicted]
        self._heirs.clear()
        return Changes(
            *(np.array(ids, np.int64) for ids in (stay, sorted(after - before), evicted, heirs)),
        )
