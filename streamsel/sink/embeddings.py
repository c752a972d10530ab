"""`embeddings.npy`: the picks' vectors, rows as in the manifest, in NumPy's format (NEP 1)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamsel.data import Vector
from streamsel.sink.durable import durable_file, sync_folder

__all__ = ["write_embeddings"]


def write_embeddings(folder: Path, vectors: Iterable[Vector], dim: int) -> None:
    """Writes (N, dim) little-endian float32 from vectors read once, one at a time: the bytes that `numpy.save` writes.

    Raises ValueError for a vector that is not (dim,) float32, SinkError when the file cannot be written.
    """
    with durable_file(folder / "embeddings.npy") as file:
        _write_header(file, 0, dim)
        count = 0
        for count, vector in enumerate(vectors, start=1):
            if vector.shape != (dim,) or vector.dtype != np.float32:
                raise ValueError(f"embedding {count - 1} must be ({dim},) float32, got {vector.shape} {vector.dtype}")
            file.write(vector.astype("<f4").tobytes())
        # NumPy leaves room in the header for a number of rows that grows, so it can be written again in place.
        file.seek(0)
        _write_header(file, count, dim)
    sync_folder(folder)


def _write_header(file: BinaryIO, rows: int, dim: int) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, dim)}
    np.lib.format.write_array_header_1_0(file, header)
