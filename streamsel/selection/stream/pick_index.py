"""The nearest of all picks, found exactly and fast while picks are ever more."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.selection import State
from streamsel.selection.rows import check_row, check_rows, pair_distance

__all__ = ["Near", "PickIndex"]

Distances = npt.NDArray[np.float64]
Ordinals = npt.NDArray[np.int64]

SCORES = 1 << 21
"""At most so many float32 scores at once (8 MB): rows are searched in blocks of SCORES / picks."""
PAIRS = 1 << 20
"""At most so many float64 values (8 MB) when pairs are settled."""
CROWD = 128
"""A row with more possible nearest picks is looked at again; so many at a time stay in the cache."""
ROUNDING = 2.0**-24
"""Largest relative error of one float32 operation."""
SMALLEST = 2.0**-149
"""The smallest float32 above zero: the largest error of an operation whose result is next to nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """What a search found for (B, dim) rows while there were `picks` picks: a distance and an ordinal for each."""

    rows: Vector = field(repr=False)
    distance: Distances = field(repr=False)
    ordinal: Ordinals = field(repr=False)
    picks: int


class PickIndex:
    """All picks in one growable float32 matrix, with an exact search for the nearest.

    A matrix product in float32 finds, for all rows at once, the picks that can be nearest given its worst rounding
    error; `pair_distance` then settles which one is. So a row's result does not depend on the batch it came in, and
    equals that of brute force. Of equally near picks the lowest ordinal is the nearest.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise UsageError(f"dim must be 1 or more, got {dim}")
        self.dim = dim
        self._forget()

    def _forget(self) -> None:
        self._count = 0
        self._picks: Vector = np.empty((0, self.dim), np.float32)
        self._halves: Vector = np.empty(0, np.float32)
        self._reach = 0.0
        self._digests: set[bytes] = set()

    def __len__(self) -> int:
        return self._count

    @property
    def picks(self) -> Vector:
        """(len, dim) float32, read-only: the picks in the order added."""
        view = self._picks[: self._count]
        view.flags.writeable = False
        return view

    def search(self, rows: Vector) -> Near:
        """The nearest picks of (B, dim) rows, to be asked for with `now` however many picks are added meanwhile."""
        table = check_rows(rows, self.dim)
        return Near(table, *self.nearest(table), self._count)

    def now(self, near: Near, row: int) -> tuple[float, int]:
        """Distance and ordinal of a searched row's nearest pick, those added since the search among them."""
        distance, ordinal = float(near.distance[row]), int(near.ordinal[row])
        if near.picks == self._count:
            return distance, ordinal
        latest = pair_distance(self._picks[near.picks : self._count], near.rows[row : row + 1])
        best = int(latest.argmin())
        return (float(latest[best]), near.picks + best) if latest[best] < distance else (distance, ordinal)

    def nearest(self, rows: Vector) -> tuple[Distances, Ordinals]:
        """Distance to the nearest pick, (B,) float64, and its ordinal, (B,) int64; inf and -1 before the first."""
        table = check_rows(rows, self.dim)
        distance, ordinal = np.full(len(table), np.inf), np.full(len(table), -1, np.int64)
        block = max(1, SCORES // max(1, self._count))
        for start in range(0, len(table) if self._count else 0, block):
            part = slice(start, start + block)
            near = self._thinned(table[part], *self._near(table[part]))
            distance[part], ordinal[part] = self._settle(table[part], *near)
        return distance, ordinal

    def _near(self, rows: Vector) -> tuple[Ordinals, Ordinals]:
        """Pairs (row, pick), sorted, among which is the nearest pick of every row.

        score = |p|^2 / 2 - r.p orders picks as the distance does. A float32 dot product of n terms is off by at most
        n * ROUNDING * |r||p|, and a few of the smallest numbers, in any order of summation (Higham, Accuracy and
        Stability of Numerical Algorithms, section 3.1); what `pair_distance` rounds away is far less.
        """
        scores = rows @ self._picks[: self._count].T
        np.subtract(self._halves[: self._count], scores, out=scores)
        reach = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)) + self._reach
        error = (self.dim + 8) * (ROUNDING * self._reach * reach + ROUNDING**2 * reach**2 + SMALLEST)
        limit = np.nextafter((scores.min(axis=1) + 2 * error).astype(np.float32), np.float32(np.inf))
        row, pick = np.nonzero(scores <= limit[:, None])
        return row, pick

    def _thinned(self, rows: Vector, row: Ordinals, pick: Ordinals) -> tuple[Ordinals, Ordinals]:
        """Fewer of the pairs where a row has a crowd of them, as in a scene that stands still and is kept often."""
        starts = np.searchsorted(row, np.arange(len(rows) + 1))
        wanted = np.ones(len(row), bool)
        for crowded in np.flatnonzero(np.diff(starts) > CROWD):
            among = slice(starts[crowded], starts[crowded + 1])
            wanted[among] = self._is_nearest(rows[crowded], pick[among])
        return row[wanted], pick[wanted]

    def _is_nearest(self, row: Vector, pick: Ordinals) -> npt.NDArray[np.bool_]:
        """Which of these picks can be nearest: differences are exact to a share of the distance, not of the norms."""
        squares = np.empty(len(pick), np.float32)
        for start in range(0, len(pick), CROWD):
            gap = self._picks[pick[start : start + CROWD]] - row
            np.einsum("ij,ij->i", gap, gap, out=squares[start : start + CROWD])
        error = (self.dim + 8) * ROUNDING
        return squares <= float(squares.min()) * (1 + 4 * error) + 2 * (self.dim + 8) * SMALLEST

    def _settle(self, rows: Vector, row: Ordinals, pick: Ordinals) -> tuple[Distances, Ordinals]:
        """The nearest of the pairs proposed for each row; ties go to the lowest ordinal."""
        block = max(1, PAIRS // self.dim)
        cuts = [slice(start, start + block) for start in range(0, len(row), block)]
        distance = np.concatenate([pair_distance(rows[row[cut]], self._picks[pick[cut]]) for cut in cuts])
        order = np.lexsort((pick, distance, row))
        first = order[np.searchsorted(row, np.arange(len(rows)))]
        return distance[first], pick[first]

    def add(self, row: Vector) -> None:
        """Take one row, (dim,) float32, in as the next pick."""
        self._append(check_row(row, self.dim)[0])

    def _append(self, pick: Vector) -> None:
        if self._count == len(self._picks):
            self._grow(max(64, self._count + self._count // 2))
        square = float(np.dot(pick.astype(np.float64), pick))
        digest = hashlib.blake2b(pick.tobytes(), digest_size=16).digest()
        # An exact repetition is never nearer than its original: infinity keeps it out of the search.
        self._halves[self._count] = np.inf if digest in self._digests else square / 2
        self._digests.add(digest)
        self._picks[self._count] = pick
        self._reach = max(self._reach, square**0.5)
        self._count += 1

    def _grow(self, capacity: int) -> None:
        picks, halves = np.empty((capacity, self.dim), np.float32), np.empty(capacity, np.float32)
        picks[: self._count], halves[: self._count] = self._picks[: self._count], self._halves[: self._count]
        self._picks, self._halves = picks, halves

    def state(self) -> State:
        """`picks`, (M, dim) float32, read-only: all that there is to know; what was added stays as it is."""
        return {"picks": self.picks}

    def restore(self, state: State) -> Self:
        """Become the index that `state` came from; StateError when its picks do not have this dim."""
        picks = state["picks"]
        if picks.ndim != 2 or picks.shape[1] != self.dim:
            raise StateError(f"saved picks have shape {picks.shape}, expected (M, {self.dim}): another model made them")
        self._forget()
        self._grow(max(64, len(picks)))
        for pick in check_rows(picks, self.dim):
            self._append(pick)
        return self
