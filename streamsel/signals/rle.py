"""Run-length encoded masks: run lengths of the mask flattened row by row, in turn of zeros and ones, zeros first.

The first run is 0 where the mask begins with a one. This is not the column-wise encoding of COCO.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.errors import SourceError
from streamsel.signals.mismatch import MismatchError

__all__ = ["LARGEST_MASK", "area", "check_runs", "decode", "encode"]

LARGEST_MASK = 1 << 28
"""Pixels of the largest mask that is read (16384 x 16384)."""

Mask = npt.NDArray[np.bool_]


def check_runs(value: Any, place: str) -> tuple[int, ...]:
    """The runs of one mask as they stand in a file. Raises MismatchError."""
    expected = "run lengths [zeros, ones, zeros, ...], integers of 0 or more"
    if type(value) is not list or not value or {*map(type, value)} != {int}:
        raise MismatchError(place, expected, value)
    if min(value) < 0:
        raise MismatchError(place, expected, min(value))
    if sum(value) > LARGEST_MASK:
        raise MismatchError(place, f"run lengths of at most {LARGEST_MASK} pixels together", sum(value))
    return tuple(value)


def area(runs: Sequence[int]) -> int:
    """Pixels that are one."""
    return sum(runs[1::2])


def decode(runs: Sequence[int], width: int, height: int) -> Mask:
    """(height, width) bool. Raises SourceError when the runs are those of a mask of another size."""
    if sum(runs) != width * height:
        raise SourceError(f"a mask of {sum(runs)} pixels does not fit a frame of {width} x {height}; encode it anew")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(height, width)


def encode(mask: Mask) -> list[int]:
    """The runs of a (height, width) bool mask: `decode` of them gives it back."""
    flat = np.ascontiguousarray(mask, dtype=np.bool_).ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False))
    runs: list[int] = np.diff(edges, prepend=0, append=flat.size).tolist()
    return runs
