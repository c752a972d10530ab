"""Distances between vectors by one matrix product, with the same bits on every machine and in any block.

Each vector is rounded to integers of its own power of two, below 2^26 in norm. Then every partial sum of a dot product
is an integer below 2^53, which float64 holds without rounding, so it does not matter in which order a BLAS adds.
Equal vectors are at distance 0. Rounding moves a vector by at most sqrt(D) / 2^26 of its norm (5e-7 at 1,280 numbers).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector

__all__ = ["Lattice"]

Floats = npt.NDArray[np.float64]

BITS: Final = 25
"""A vector's norm is below 2^BITS units of its own, and below 2^26 once its numbers are rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """(N, D) vectors as integers in float64, the unit of each, (N,), and their squared norms, (N,)."""

    rows: Floats = field(repr=False)
    units: Floats = field(repr=False)
    squares: Floats = field(repr=False)

    @classmethod
    def of(cls, vectors: Vector) -> Self:
        """Vectors (N, D) float32, finite, D below 2^40."""
        wide = vectors.astype(np.float64)
        _, exponents = np.frexp(np.sqrt(np.einsum("ij,ij->i", wide, wide)))
        units = np.ldexp(1.0, exponents - BITS)
        rows = np.rint(wide / units[:, None])
        return cls(rows, units, np.einsum("ij,ij->i", rows, rows) * units**2)

    @classmethod
    def empty(cls, number: int, dim: int) -> Self:
        """Room for so many vectors, all zero."""
        return cls(np.zeros((number, dim)), np.ones(number), np.zeros(number))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: slice | npt.NDArray[np.int64]) -> Lattice:
        return Lattice(self.rows[places], self.units[places], self.squares[places])

    def put(self, place: int, other: Lattice, number: int) -> None:
        """One vector of another takes this place."""
        self.rows[place] = other.rows[number]
        self.units[place], self.squares[place] = other.units[number], other.squares[number]

    def distances(self, other: Lattice) -> Floats:
        """(N, M) float64: Euclidean distance of each to each."""
        products = (self.rows @ other.rows.T) * (self.units[:, None] * other.units)
        squares = self.squares[:, None] + other.squares - 2 * products
        distances: Floats = np.sqrt(np.maximum(squares, 0))
        return distances
