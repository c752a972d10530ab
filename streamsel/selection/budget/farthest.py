"""Farthest-first traversal: DIVERSITY alone, and what it leaves behind of every row.

Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985: the first row first, then always the one
farthest from all picks, ties to the lowest position. Its covering radius is at most twice the best possible.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.selection import Positions
from streamsel.selection.budget.cores import one_blas_thread
from streamsel.selection.budget.lazy import best_first
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.columns import Vectors

__all__ = ["farthest_first"]


def farthest_first(
    rows: Vector, n: int, *, preselected: Vector | None = None
) -> tuple[list[int], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Positions of min(n, N) rows in farthest-first order; and for all rows the distance to a pick, and which.

    rows: (N, D) float32, finite. For a pick the distance is that to the nearest earlier pick when it was taken, for
    another row that to the nearest of all. Ordinals count the preselected rows first; before any pick the ordinal is
    -1 and the distance infinite.
    """
    before = 0 if preselected is None else len(preselected)
    table = rows if preselected is None or not before else np.concatenate([preselected, rows])
    nearest = Nearest(Vectors(table))
    with one_blas_thread():
        for row in range(before):
            nearest.add(row)
        order, distances, ordinals = _taken(nearest, before, min(n, len(rows)))
        nearest.settle(np.setdiff1d(np.arange(before, len(table)), order))
    distance, ordinal = nearest.distances.copy(), nearest.ordinals.copy()
    distance[order], ordinal[order] = distances, ordinals
    return [row - before for row in order], distance[before:], ordinal[before:]


def _taken(nearest: Nearest, before: int, n: int) -> tuple[list[int], list[float], list[int]]:
    """n rows, none of the first `before`; the distance of each when it was taken, and to which pick."""

    def settle(rows: Positions) -> npt.NDArray[np.float64]:
        nearest.settle(rows)
        return nearest.distances[rows]

    closed = np.arange(len(nearest.distances)) < before
    order: list[int] = []
    distances: list[float] = []
    ordinals: list[int] = []
    while len(order) < n:
        row = next(best_first(np.where(closed, -np.inf, nearest.distances), settle))
        order.append(row)
        distances.append(float(nearest.distances[row]))
        ordinals.append(int(nearest.ordinals[row]))
        nearest.add(row)
        closed[row] = True
    return order, distances, ordinals
