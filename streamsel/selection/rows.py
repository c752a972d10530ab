"""Rows as every strategy takes them, checked once, and the one distance that all of them agree on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import UsageError

__all__ = ["check_row", "check_rows", "pair_distance"]


def check_rows(rows: npt.ArrayLike, dim: int) -> Vector:
    """Rows as a contiguous (B, dim) float32 array, B >= 0; the input itself where it already is one.

    Raises UsageError naming the first row that is not finite (or whose norm overflows float32), or the shape that
    came when it is not (B, dim).
    """
    table = np.ascontiguousarray(rows, dtype=np.float32)
    if table.ndim != 2 or table.shape[1] != dim:
        raise UsageError(f"rows must have shape (B, {dim}), got {table.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        bad = np.flatnonzero(~np.isfinite(np.einsum("ij,ij->i", table, table)))
    if bad.size:
        raise UsageError(f"row {bad[0]} holds NaN, infinity or values too large for float32: leave it out")
    return table


def check_row(row: npt.ArrayLike, dim: int) -> Vector:
    """One row as (1, dim) float32; raises UsageError as `check_rows` does."""
    vector = np.ascontiguousarray(row, dtype=np.float32)
    if vector.shape != (dim,):
        raise UsageError(f"a row must have shape ({dim},), got {vector.shape}")
    return check_rows(vector[None], dim)


def pair_distance(left: Vector, right: Vector) -> npt.NDArray[np.float64]:
    """(P,) float64: the Euclidean distance of left[i] and right[i], both (P, D) or (1, D).

    Every distance that decides anything comes from here: differences in float64, summed along one pair, so that its
    bits do not depend on what else is in the table, as those of a matrix product do.
    """
    gap = left.astype(np.float64) - right
    squares: npt.NDArray[np.float64] = np.einsum("ij,ij->i", gap, gap)
    return np.sqrt(squares)
