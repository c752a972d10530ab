"""The distance of every row to its nearest pick, brought up to date only where somebody asks.

Distances to the nearest pick only fall as picks are added. So what a row was last told is an upper bound, and a row
whose bound cannot win needs no look at all: the idea of lazy greedy (Minoux, "Accelerated greedy algorithms for
maximizing submodular set functions", 1978). A row that is asked for catches up with all picks that it missed at once,
in one matrix product with others that missed as many.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.selection import Positions
from streamsel.selection.budget.cores import over_cores
from streamsel.selection.columns import Vectors
from streamsel.selection.rows import pair_distance

__all__ = ["Nearest", "Picks"]

Distances = npt.NDArray[np.float64]

ROUNDING: Final = 2.0**-24
"""Largest relative error of one float32 operation."""
SMALLEST: Final = 2.0**-149
"""The smallest float32 above zero: the largest error of an operation whose result is next to nothing."""
ROWS: Final = 1024
"""Rows in a block: their vectors stay in the cache."""
SCORES: Final = 1 << 19
"""At most so many float32 scores (2 MB) in a block."""
PAIRS: Final = 1 << 17
"""At most so many float64 differences (1 MB) when pairs are settled."""
CLOSE: Final = 256
"""Picks that came at once, as those of earlier runs, and are compared with all others together."""
FEW: Final = 48
"""Rows so few that they catch up together, although some missed more picks than others."""


class Picks:
    """Picked vectors in one growable float32 matrix, searched for the nearest of them; dim: their length."""

    def __init__(self, dim: int) -> None:
        self._count, self._reach = 0, 0.0
        self._matrix: Vector = np.empty((64, dim), np.float32)
        self._squares: Distances = np.empty(64)
        self._halves: Vector = np.empty((64, 1), np.float32)

    def __len__(self) -> int:
        return self._count

    @property
    def vectors(self) -> Vector:
        """(len, dim) float32: in the order added."""
        return self._matrix[: self._count]

    @property
    def squares(self) -> Distances:
        """(len,) float64: their squared norms."""
        return self._squares[: self._count]

    def append(self, vector: Vector) -> None:
        """One more, (dim,) float32."""
        if self._count == len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.empty_like(self._matrix)])
            self._squares = np.concatenate([self._squares, np.empty_like(self._squares)])
            self._halves = np.concatenate([self._halves, np.empty_like(self._halves)])
        square = float(np.dot(vector.astype(np.float64), vector))
        self._matrix[self._count], self._squares[self._count], self._halves[self._count] = vector, square, square / 2
        self._reach = max(self._reach, square**0.5)
        self._count += 1

    def nearer(
        self, rows: Vector, squares: Distances, known: Distances, first: int, last: int, *, own: bool = False
    ) -> tuple[Positions, Distances, Positions]:
        """Which of (m, dim) rows have one of picks first..last-1 nearer than `known`: which, how near, its ordinal.

        squares: (m,) their squared norms. own: the rows are those picks, and none is compared with itself.
        score = |p|^2 / 2 - r.p orders picks as the distance does. A float32 dot product of n terms is off by at most
        n * ROUNDING * |r||p|, and a few of the smallest numbers, in any order of summation (Higham, Accuracy and
        Stability of Numerical Algorithms, section 3.1). So the scores leave few pairs that can matter, and
        `pair_distance` decides among those; of equally near picks the earliest is the nearest. What overflows float32
        can matter.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # raised by lanes that a BLAS kernel throws away, too
            scores = self._matrix[first:last] @ rows.T
            np.subtract(self._halves[first:last], scores, out=scores)
        if own:
            np.fill_diagonal(scores, np.inf)
        reach = np.sqrt(squares) + self._reach
        error = (rows.shape[1] + 8) * (ROUNDING * self._reach * reach + ROUNDING**2 * reach**2 + SMALLEST)
        best, needed = scores.min(axis=0).astype(np.float64), (known**2 - squares) / 2 + error
        hit = np.flatnonzero(~(best > needed))
        limit = np.minimum(best + 2 * error, needed)[hit].astype(np.float32)
        pick, row = np.nonzero(~(scores[:, hit] > np.nextafter(limit, np.float32(np.inf))))
        row, apart = hit[row], (pick != hit[row]) | (not own)
        return self._settled(rows, known, row[apart], pick[apart] + first)

    def _settled(
        self, rows: Vector, known: Distances, row: Positions, pick: Positions
    ) -> tuple[Positions, Distances, Positions]:
        """The nearest of the pairs proposed for each row, where it is nearer than what is known."""
        distance = np.empty(len(row))
        block = max(1, PAIRS // rows.shape[1])
        for start in range(0, len(row), block):
            part = slice(start, start + block)
            distance[part] = pair_distance(rows[row[part]], self._matrix[pick[part]])
        order = np.lexsort((pick, distance, row))
        order = order[np.diff(row[order], prepend=-1) > 0]
        order = order[distance[order] < known[row[order]]]
        return row[order], distance[order], pick[order]


class Nearest:
    """A table's rows and their distances to the picks among them.

    distances: (N,) float64, exact among the picks that a row has been compared with, so an upper bound; exact among
    all after `settle`; infinite before the first pick. ordinals: (N,) int64, which pick that is; -1 before the first.
    Both are read by everybody who shares this object and written by nobody else. Every distance that decides comes
    from `pair_distance`, so nothing depends on the BLAS library at hand.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._rows = np.ascontiguousarray(vectors.rows)
        self._squares = np.einsum("ij,ij->i", self._rows, self._rows, dtype=np.float64)
        self._picks, self._picked = Picks(self._rows.shape[1]), np.zeros(len(self._rows), bool)
        self._seen = np.zeros(len(self._rows), np.int32)
        self._gaps = np.empty(0)
        self._fresh: list[tuple[float, int]] = []
        """Of picks that have no gap yet: an upper bound of it, and how many picks that is of."""
        self.distances: Distances = np.full(len(self._rows), np.inf)
        self.ordinals: Positions = np.full(len(self._rows), -1, np.int64)

    def __len__(self) -> int:
        """Picks so far."""
        return len(self._picks)

    def add(self, row: int) -> None:
        """A row becomes a pick; told again, by another who shares this object, it stays one."""
        if self._picked[row]:
            return
        self._fresh.append((float(self.distances[row]), int(self._seen[row])))
        self._picks.append(self._rows[row])
        self._picked[row] = True

    def settle(self, rows: Positions) -> None:
        """Make `distances` and `ordinals` exact for these rows."""
        behind = rows[(self._seen[rows] < len(self)) & (self.distances[rows] > 0)]
        if len(behind):
            over_cores(self._catch_up, self._blocks(behind), threads=len(behind) >= ROWS)

    def spread(self) -> float:
        """Sum over the picks of the squared distance to the nearest other one; 0 with fewer than two."""
        fresh, self._fresh = self._fresh, []
        for start in range(0, len(fresh), CLOSE):
            self._close(fresh[start : start + CLOSE])
        return float(np.sum(self._gaps**2)) if len(self) > 1 else 0.0

    def _close(self, fresh: list[tuple[float, int]]) -> None:
        """Gaps between these, the next picks, and all before them; those that are compared already stay so."""
        first = len(self._gaps)
        self._gaps = np.append(self._gaps, [bound for bound, _ in fresh])
        last, block = len(self._gaps), max(1, SCORES // len(fresh))
        self._narrow(slice(first, last), min(compared for _, compared in fresh), first)
        for start in range(0, first, block):
            self._narrow(slice(start, min(start + block, first)), first, last)
        self._narrow(slice(first, last), first, last, own=True)

    def _narrow(self, part: slice, first: int, last: int, *, own: bool = False) -> None:
        """Compare a part of the picks with picks first..last-1."""
        if last - first > own:
            behind = self._picks.vectors[part], self._picks.squares[part], self._gaps[part]
            which, gaps, _ = self._picks.nearer(*behind, first, last, own=own)
            self._gaps[part][which] = gaps

    def _blocks(self, rows: Positions) -> list[Positions]:
        """Rows cut into blocks that missed about as many picks, at most twice as many as each other."""
        missed = np.frexp(len(self) - self._seen[rows])[1]
        groups = [rows] if len(rows) <= FEW else [rows[missed == some] for some in np.unique(missed)]
        blocks = []
        for group in groups:
            size = max(1, min(ROWS, SCORES // int(len(self) - self._seen[group].min())))
            blocks += [group[start : start + size] for start in range(0, len(group), size)]
        return blocks

    def _catch_up(self, rows: Positions) -> None:
        inside = slice(int(rows[0]), int(rows[-1]) + 1)
        together = len(rows) == rows[-1] - rows[0] + 1 and bool((np.diff(rows) == 1).all())
        table = self._rows[inside] if together else self._rows[rows]
        first = int(self._seen[rows].min())
        behind = table, self._squares[rows], self.distances[rows]
        which, distances, ordinals = self._picks.nearer(*behind, first, len(self))
        self.distances[rows[which]], self.ordinals[rows[which]] = distances, ordinals
        self._seen[rows] = len(self)
