"""Vectors from a `.npy` file (NEP 1): mapped where they are float32 already, so that no second copy is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.tables import Table
from streamsel.tables.naming import explained, numbered

__all__ = ["read_npy"]

AT_ONCE = 8192


def read_npy(path: Path) -> Table:
    """The vectors of a file that holds (N, D) float32, float16 or float64; its rows have no names.

    Little-endian float32 is mapped privately into memory: pages are read when they are used and copied when they are
    changed, so the file must stay what it is as long as the table is used. Anything else is converted in blocks.
    Raises SourceError for any other shape or type, for Python objects, and for a damaged file.
    """
    with explained(path):
        _check_header(path)
        stored = np.lib.format.open_memmap(path, mode="c")
        return Table(numbered(len(stored)), _as_float32(stored), named=False)


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise UsageError(f"must hold float32, float16 or float64, got {dtype}")
    if len(shape) != 2 or not shape[1]:
        raise UsageError(f"must hold a table (N, D) of one vector a row, got {shape}")
    if not shape[0]:
        raise UsageError("the table holds no row: nothing can be chosen from it")


def _as_float32(stored: npt.NDArray[np.floating]) -> Vector:
    if stored.dtype == "<f4" and stored.flags.c_contiguous:
        return stored.view(np.ndarray)
    rows = np.empty(stored.shape, np.float32)
    for start in range(0, len(stored), AT_ONCE):
        rows[start : start + AT_ONCE] = stored[start : start + AT_ONCE]
    return rows
