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
from streamsel.selection.stream.blocks import Blocks

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
    """All picks, in blocks of float32, with an exact search for the nearest.

    A matrix product in float32 finds, for all rows at once, the picks that can be nearest given its worst rounding
    error; `pair_distance` then settles which one is. So a row's result does not depend on the batch it came in, and
    equals that of brute force. Of equally near picks the lowest ordinal is the nearest.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise UsageError(f"dim must be 1 or more, got {dim}")
        self.dim = dim
        self._clear()

    def _clear(self) -> None:
        self.rows = Blocks(self.dim)
        """The picks in the order added, themselves: not to be changed."""
        self._halves = Blocks(1)
        """Of each half its squared norm."""
        self._reach = 0.0
        """No known pick has a larger norm."""
        self._digests: list[bytes] = []
        self._known: set[bytes] = set()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def picks(self) -> Vector:
        """(len, dim) float32, read-only: a copy of the picks in the order added."""
        copy = self.rows.copy()
        copy.flags.writeable = False
        return copy

    def search(self, rows: Vector) -> Near:
        """The nearest picks of (B, dim) rows, to be asked for with `now` however many picks are added meanwhile."""
        table = check_rows(rows, self.dim)
        return Near(table, *self.nearest(table), len(self))

    def now(self, near: Near, row: int) -> tuple[float, int]:
        """Distance and ordinal of a searched row's nearest pick, those added since the search among them."""
        distance, ordinal = float(near.distance[row]), int(near.ordinal[row])
        first = near.picks
        for latest in self.rows.parts(first):
            distances = pair_distance(latest, near.rows[row : row + 1])
            best = int(distances.argmin())
            if distances[best] < distance:
                distance, ordinal = float(distances[best]), first + best
            first += len(latest)
        return distance, ordinal

    def nearest(self, rows: Vector) -> tuple[Distances, Ordinals]:
        """Distance to the nearest pick, (B,) float64, and its ordinal, (B,) int64; inf and -1 before the first."""
        table = check_rows(rows, self.dim)
        distance, ordinal = np.full(len(table), np.inf), np.full(len(table), -1, np.int64)
        block = max(1, SCORES // max(1, len(self)))
        for start in range(0, len(table) if len(self) else 0, block):
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
        scores = self._scores(rows)
        reach = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)) + self._reach
        error = (self.dim + 8) * (ROUNDING * self._reach * reach + ROUNDING**2 * reach**2 + SMALLEST)
        limit = np.nextafter((scores.min(axis=1) + 2 * error).astype(np.float32), np.float32(np.inf))
        row, pick = np.nonzero(scores <= limit[:, None])
        return row, pick

    def _scores(self, rows: Vector) -> Vector:
        scores, first = np.empty((len(rows), len(self)), np.float32), 0
        for picks, halves in zip(self.rows.parts(), self._halves.parts(), strict=True):
            part = scores[:, first : first + len(picks)]
            np.matmul(rows, picks.T, out=part)
            np.subtract(halves.T, part, out=part)
            first += len(picks)
        return scores

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
            gap = self.rows.take(pick[start : start + CROWD]) - row
            np.einsum("ij,ij->i", gap, gap, out=squares[start : start + CROWD])
        error = (self.dim + 8) * ROUNDING
        return squares <= float(squares.min()) * (1 + 4 * error) + 2 * (self.dim + 8) * SMALLEST

    def _settle(self, rows: Vector, row: Ordinals, pick: Ordinals) -> tuple[Distances, Ordinals]:
        """The nearest of the pairs proposed for each row; ties go to the lowest ordinal."""
        block = max(1, PAIRS // self.dim)
        cuts = [slice(start, start + block) for start in range(0, len(row), block)]
        distance = np.concatenate([pair_distance(rows[row[cut]], self.rows.take(pick[cut])) for cut in cuts])
        order = np.lexsort((pick, distance, row))
        first = order[np.searchsorted(row, np.arange(len(rows)))]
        return distance[first], pick[first]

    def add(self, row: Vector) -> None:
        """Take one row, (dim,) float32, in as the next pick."""
        self._append(check_row(row, self.dim)[0])

    def _append(self, pick: Vector) -> None:
        square = float(np.dot(pick.astype(np.float64), pick))
        digest = hashlib.blake2b(pick.tobytes(), digest_size=16).digest()
        # An exact repetition is never nearer than its original: infinity keeps it out of the search.
        self._halves.append(np.inf if digest in self._known else square / 2)
        self._known.add(digest)
        self._digests.append(digest)
        self.rows.append(pick)
        self._reach = max(self._reach, square**0.5)

    def forget(self, count: int) -> None:
        """Take the first so many picks out, at most `len`: ordinals begin with the next one."""
        gone = set(self._digests[:count])
        for part in (self.rows, self._halves):
            part.drop(count)
        del self._digests[:count]
        self._known -= gone
        for place, digest in enumerate(self._digests if gone else ()):
            if digest in gone and digest not in self._known:  # a repetition whose original is gone
                pick = self.rows[place]
                self._halves[place][0] = float(np.dot(pick.astype(np.float64), pick)) / 2
                self._known.add(digest)

    def state(self) -> State:
        """`picks`, (M, dim) float32, read-only: a copy of all that there is to know."""
        return {"picks": self.picks}

    def restore(self, state: State) -> Self:
        """Become the index that `state` came from; StateError when its picks do not have this dim."""
        picks = state["picks"]
        if picks.ndim != 2 or picks.shape[1] != self.dim:
            raise StateError(f"saved picks have shape {picks.shape}, expected (M, {self.dim}): another model made them")
        self._clear()
        for pick in check_rows(picks, self.dim):
            self._append(pick)
        return self
