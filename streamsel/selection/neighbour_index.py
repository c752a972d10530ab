"""Rows that are searched for the nearest ones: a float32 matrix product proposes, float64 differences decide.

A dot product of n terms in float32 is off by at most n * 2^-24 * |a||b| in any order of summation (Higham, Accuracy
and Stability of Numerical Algorithms, section 3.1). So whatever library multiplies, the rows proposed hold the
nearest ones, and `pair_distance` gives the same bits.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.selection.rows import pair_distance

__all__ = ["NeighbourIndex"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Scores = npt.NDArray[Any]

CROWD: Final = 256
"""A row with so many more proposals than it needs is looked at again, in float64."""
SETTLED: Final = 16
"""Rows whose proposals are settled at once: differences of about 500 pairs stay in the cache."""
PAIRS: Final = 1 << 19
"""At most so many differences at once (4 MB), however many proposals there are."""
WIDE: Final = 4_096
"""Rows that are held in float64 at once."""
GROUP: Final = 16
"""Scores of which only the smallest takes part in finding a row's limit."""


class NeighbourIndex:
    """(N, D) float32 rows, N >= 1, finite. Read-only after construction: threads may share it."""

    def __init__(self, rows: Vector) -> None:
        self.rows = rows
        squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        self._halves: Floats = squares / 2
        self._lifted: Vector = np.concatenate([rows, self._halves[:, None].astype(np.float32)], axis=1)
        self._reach = float(np.sqrt(squares.max()))

    def nearest(self, rows: Vector, k: int, own: Places | None = None) -> tuple[Floats, Places]:
        """Distances (B, k) float64, rising, and places (B, k) of the k nearest of (B, D) rows, ties by place.

        own: (B,) a place that each row may not find, itself. k: 1 to the number of rows that it may find.
        """
        likely = self._likely(self._scores(rows), rows, k, own)
        crowded = np.flatnonzero(np.count_nonzero(likely, axis=1) > k + CROWD)
        if crowded.size:
            again = None if own is None else own[crowded]
            likely[crowded] = self._likely(self._wide_scores(rows[crowded]), rows[crowded], k, again)
        starts = range(0, len(rows), SETTLED)
        settled = [self._settled(rows[at : at + SETTLED], likely[at : at + SETTLED], k) for at in starts]
        return np.concatenate([part for part, _ in settled]), np.concatenate([part for _, part in settled])

    def _scores(self, rows: Vector) -> Scores:
        """(B, N) float32: |a|^2 / 2 - r.a, which orders the searched rows a as their distance to r does."""
        scores: Scores = np.concatenate([-rows, np.ones((len(rows), 1), np.float32)], axis=1) @ self._lifted.T
        return scores

    def _wide_scores(self, rows: Vector) -> Scores:
        """The same in float64, for rows that have too many others at about one distance."""
        wide = rows.astype(np.float64)
        scores = np.empty((len(rows), len(self.rows)))
        for start in range(0, len(self.rows), WIDE):
            cut = slice(start, start + WIDE)
            scores[:, cut] = self._halves[cut] - wide @ self.rows[cut].astype(np.float64).T
        return scores

    def _likely(self, scores: Scores, rows: Vector, k: int, own: Places | None) -> npt.NDArray[np.bool_]:
        """(B, N): which of the searched rows may be among the k nearest, given the worst rounding of scores."""
        if own is not None:
            scores[np.arange(len(rows)), own] = np.inf
        kind = np.finfo(scores.dtype)
        reach = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)) + self._reach
        error = (rows.shape[1] + 8) * (float(kind.epsneg) * reach**2 + float(kind.smallest_subnormal))
        limit = np.nextafter((_limit(scores, k) + 2 * error).astype(scores.dtype), scores.dtype.type(np.inf))
        likely: npt.NDArray[np.bool_] = scores <= limit[:, None]
        return likely

    def _settled(self, rows: Vector, likely: npt.NDArray[np.bool_], k: int) -> tuple[Floats, Places]:
        row, place = np.divmod(np.flatnonzero(likely), likely.shape[1])
        block = max(1, PAIRS // max(1, rows.shape[1]))
        cuts = [slice(start, start + block) for start in range(0, len(row), block)]
        distance = np.concatenate([pair_distance(rows[row[cut]], self.rows[place[cut]]) for cut in cuts])
        order = np.lexsort((place, distance, row))
        first = np.searchsorted(row, np.arange(len(rows)))
        chosen = order[first[:, None] + np.arange(k)]
        return distance[chosen], place[chosen]


def _limit(scores: Scores, k: int) -> Floats:
    """(B,): for each row a number that at least k of its scores do not exceed, and not many more."""
    width = scores.shape[1] // GROUP
    if width >= 4 * k:
        least = scores[:, :width].copy()
        for start in range(width, GROUP * width, width):
            np.minimum(least, scores[:, start : start + width], out=least)
        scores = least
    limit: Floats = np.partition(scores, k - 1, axis=1)[:, k - 1].astype(np.float64)
    return limit
