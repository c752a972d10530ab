"""The static values of SIMILARITY and TYPICALITY: what a row is worth whatever has been picked.

The formulas are those of the product that users come from, so that their configs mean the same here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.selection.columns import Objects
from streamsel.selection.neighbours import neighbour_counts, neighbour_distances, query_distances

__all__ = ["decayed", "object_maximum", "object_mean", "object_sum", "similarity", "typicality"]

Floats = npt.NDArray[np.float64]


def similarity(rows: Vector, queries: Vector) -> Floats:
    """(N,) float64 in 0..1: exp(-d / mean d), d the distance of (N, D) rows to the nearest of (Q, D) queries.

    The mean is over all N rows; where it is 0 every row is a query, and similar by 1. Raises UsageError without
    queries, for queries of another length, and naming a row that is not finite.
    """
    distance = query_distances(rows, queries)
    return decayed(distance, float(distance.mean()) if len(distance) else 0.0)


def typicality(rows: Vector, num_nearest_neighbors: int, copies: npt.NDArray[np.int64] | None = None) -> Floats:
    """(N,) float64 in 0..1: mean over a row's K nearest others of exp(-d / m), for (N, D) float32 rows.

    m is the mean of all these distances over the table, K at most N - 1. Where m is 0 all rows are the same, and a
    row alone has no others: both are typical by 1. copies: (N,), 1 or more: how many equal rows each one stands for,
    itself included, as if all of them were in the table. Raises UsageError for K below 1 and naming a row that is not
    finite.
    """
    if copies is not None:
        return _typical_of_copies(rows, num_nearest_neighbors, copies)
    distance = neighbour_distances(rows, num_nearest_neighbors)
    if not distance.size:
        return np.ones(len(distance))
    typical: Floats = decayed(distance, float(distance.mean())).mean(axis=1)
    return typical


def _typical_of_copies(rows: Vector, num_nearest_neighbors: int, copies: npt.NDArray[np.int64]) -> Floats:
    distance, taken = neighbour_counts(rows, num_nearest_neighbors, copies)
    if not distance.size:
        return np.ones(len(distance))
    scale = np.average(np.average(distance, axis=1, weights=taken), weights=copies)
    typical: Floats = np.average(decayed(distance, float(scale)), axis=1, weights=taken)
    return typical


def decayed(distance: Floats, scale: float) -> Floats:
    """exp(-distance / scale), of the same shape; 1 where the scale is 0, since then all distances are."""
    return np.exp(-distance / scale) if scale > 0 else np.ones_like(distance)


def object_sum(objects: Objects, values: Floats) -> Floats:
    """(N,) float64: the sum of the values, (M,), of each row's objects; 0 for a row without."""
    return _reduced(objects, values, np.add)


def object_mean(objects: Objects, values: Floats) -> Floats:
    """(N,) float64: the mean of the values, (M,), of each row's objects; 0 for a row without."""
    return _reduced(objects, values, np.add) / np.maximum(objects.counts, 1)


def object_maximum(objects: Objects, values: Floats) -> Floats:
    """(N,) float64: the largest of the values, (M,), of each row's objects; 0 for a row without."""
    return _reduced(objects, values, np.maximum)


def _reduced(objects: Objects, values: Floats, how: np.ufunc) -> Floats:
    reduced, some = np.zeros(len(objects)), np.flatnonzero(objects.counts)
    if some.size:
        reduced[some] = how.reduceat(values, objects.ends[some] - objects.counts[some])
    return reduced
