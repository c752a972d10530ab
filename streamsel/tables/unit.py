"""Vectors of length one, made in place: what distances between 0 and 2 are measured on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import UsageError

__all__ = ["make_unit"]

AT_ONCE = 8192
CLOSE = 1e-5
"""A row whose length is so near to one keeps its bits: it was normalised before."""


def make_unit(rows: Vector, called: Callable[[int], str]) -> None:
    """Divides each of (N, D) float32 rows by its Euclidean length, in place; NaN stays NaN.

    called: how a row is called in messages. Raises UsageError for a row of zeros, which has no direction.
    """
    for start in range(0, len(rows), AT_ONCE):
        block = rows[start : start + AT_ONCE]
        lengths = _lengths(block)
        if not lengths.all():
            row = start + int(np.flatnonzero(lengths == 0)[0])
            raise UsageError(f"{called(row)}: its vector is all zeros and has no direction; leave the row out")
        far = np.flatnonzero(~(np.abs(lengths - 1) <= CLOSE))
        if len(far):
            block[far] = block[far] / lengths[far, None]


def _lengths(block: Vector) -> npt.NDArray[np.float64]:
    """(B,) float64; squares that leave the range of float32 are taken again in float64."""
    squares = np.einsum("ij,ij->i", block, block).astype(np.float64)
    odd = np.flatnonzero(~((squares > 1e-30) & (squares < 1e30)))
    if len(odd):
        wide = block[odd].astype(np.float64)
        squares[odd] = np.einsum("ij,ij->i", wide, wide)
    lengths: npt.NDArray[np.float64] = np.sqrt(squares)
    return lengths
