"""Exact distances to nearest neighbours, by brute force on all cores in bounded memory."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.selection.budget.cores import one_blas_thread, over_cores
from streamsel.selection.neighbour_index import NeighbourIndex
from streamsel.selection.rows import check_rows

__all__ = ["neighbour_counts", "neighbour_distances", "query_distances"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

SCORES: Final = 1 << 25
"""At most so many scores at once in each thread (128 MB in float32)."""
BLOCK: Final = 512
"""Rows searched at once: a matrix product gains little from more."""


def neighbour_distances(rows: Vector, k: int) -> Floats:
    """(N, min(k, N - 1)) float64, rising: Euclidean distances of each of (N, D) float32 rows to its k nearest others.

    A row is not its own neighbour; a repetition of it is one, at distance 0. Takes N^2 D steps. Raises UsageError for k
    below 1, and naming a row that is not finite.
    """
    distance, taken = neighbour_counts(rows, k)
    k = int(taken[:1].sum())
    return np.repeat(distance.ravel(), taken.ravel()).reshape(len(distance), k)


def neighbour_counts(rows: Vector, k: int, copies: Places | None = None) -> tuple[Floats, Places]:
    """The same as distances, (N, M) and rising, and how many of the k nearest others are that far.

    copies: (N,), 1 or more: how many equal rows each one stands for, itself included; N in k is their sum then. M does
    not grow with them.
    """
    if k < 1:
        raise UsageError(f"the number of nearest neighbours must be 1 or more, got {k}")
    table = _checked(rows)
    k = min(k, (len(table) if copies is None else int(copies.sum())) - 1)
    if k < 1:
        return np.empty((len(table), 0)), np.empty((len(table), 0), np.int64)
    distinct, member, count = _folded(table)
    times_each = count if copies is None else np.bincount(member, copies).astype(np.int64)
    distance, times = _with_copies(distinct, min(k, len(distinct) - 1), times_each)
    taken = np.diff(np.minimum(np.cumsum(times, axis=1), k), prepend=0, axis=1)
    return distance[member], taken[member]


def _with_copies(distinct: Vector, k: int, copies: Places) -> tuple[Floats, Places]:
    """Distances of each distinct row to itself and to its k nearest others, and how many neighbours each one is."""
    own, none = np.zeros((len(distinct), 1)), np.empty((len(distinct), 0))
    distance, place = _search(distinct, distinct, k, alone=True) if k else (none, none.astype(np.int64))
    return np.hstack([own, distance]), np.hstack([copies[:, None] - 1, copies[place]])


def query_distances(rows: Vector, queries: Vector) -> Floats:
    """(N,) float64: Euclidean distance of each of (N, D) float32 rows to the nearest of (Q, D) queries, Q >= 1.

    Raises UsageError without queries, for queries of another length, and naming a row that is not finite.
    """
    table, wanted = _checked(rows), _checked(queries)
    if not len(wanted):
        raise UsageError("there is nothing to be similar to: give at least one query vector")
    if len(table) and wanted.shape[1] != table.shape[1]:
        raise UsageError(f"queries must have {table.shape[1]} numbers each, as the rows have, got {wanted.shape[1]}")
    return _search(table, _folded(wanted)[0], 1, alone=False)[0][:, 0]


def _checked(rows: Vector) -> Vector:
    table = np.asarray(rows)
    return check_rows(table, table.shape[1] if table.ndim == 2 else 0)


def _folded(rows: Vector) -> tuple[Vector, Places, Places]:
    """Each different row once, in the order of first appearance; where each row went; how often each appears.

    Without this a picture that stands still for an hour would be nearest to itself in millions of pairs.
    """
    if not rows.shape[1]:
        return rows[:1], np.zeros(len(rows), np.int64), np.array([len(rows)])
    keys = (rows + np.float32(0)).view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()  # -0 becomes 0
    _, first, member, copies = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    place = np.argsort(order)
    return rows if len(order) == len(rows) else rows[first[order]], place[member], copies[order]


def _search(rows: Vector, among: Vector, k: int, *, alone: bool) -> tuple[Floats, Places]:
    """Distances and places, both (N, k), of the k nearest of `among`; alone: those are the rows themselves."""
    distance, place = np.empty((len(rows), k)), np.empty((len(rows), k), np.int64)
    index = NeighbourIndex(among)

    def fill(at: slice) -> None:
        own = np.arange(len(rows))[at] if alone else None
        distance[at], place[at] = index.nearest(rows[at], k, own)

    size = max(1, min(BLOCK, SCORES // len(among)))
    with one_blas_thread():
        over_cores(fill, [slice(start, start + size) for start in range(0, len(rows), size)])
    return distance, place
