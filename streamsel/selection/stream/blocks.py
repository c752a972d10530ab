"""Rows that come at the end and go at the beginning, none of which is ever moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector

__all__ = ["ROWS", "Blocks"]

ROWS: Final = 1024
"""Of a block: 5 MB with 1,280 numbers each, of which the system gives what is written to. Among 10,000 picks a row by
itself is searched for 1.1 times as long as in one array, with 512 rows 1.2 times; 128 rows at once cost the same."""


class Blocks:
    """(len, dim) float32 in blocks of `ROWS`, which are taken when they are needed, and given back as soon as all of
    their rows are gone: memory follows their number, and no moment needs that of two tables.
    """

    dtype: Final = np.dtype(np.float32)

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._blocks: list[Vector] = []
        self._begin = self._end = 0
        """Of the rows, counted from the first one of the first block."""

    def __len__(self) -> int:
        return self._end - self._begin

    @property
    def shape(self) -> tuple[int, int]:
        """As that of an array."""
        return len(self), self.dim

    def __getitem__(self, place: int) -> Vector:
        """A row, (dim,), itself, not a copy. place: 0 or more; IndexError from `len` on."""
        if not 0 <= place < len(self):
            raise IndexError(f"row {place} of {len(self)}")
        block, row = divmod(self._begin + place, ROWS)
        found: Vector = self._blocks[block][row]
        return found

    def append(self, row: Vector | float) -> None:
        """One more row; a number fills all of it."""
        if self._end == len(self._blocks) * ROWS:
            self._blocks.append(np.empty((ROWS, self.dim), self.dtype))
        self._blocks[-1][self._end % ROWS] = row
        self._end += 1

    def drop(self, count: int) -> None:
        """The first so many are gone, at most `len`."""
        whole, self._begin = divmod(self._begin + count, ROWS)
        del self._blocks[:whole]
        self._end -= whole * ROWS

    def parts(self, start: int = 0) -> Iterator[Vector]:
        """All rows from a place on, in order: tables of one or more, not copied."""
        place = self._begin + start
        while place < self._end:
            block, row = divmod(place, ROWS)
            part = self._blocks[block][row : self._end - block * ROWS]
            yield part
            place += len(part)

    def take(self, places: npt.NDArray[np.int64]) -> Vector:
        """(len(places), dim): copies of these rows, in any order, also more than once."""
        taken = np.empty((len(places), self.dim), self.dtype)
        blocks, rows = np.divmod(places + self._begin, ROWS)
        for block in np.unique(blocks):
            at = np.flatnonzero(blocks == block)
            taken[at] = self._blocks[block][rows[at]]
        return taken

    def copy(self) -> Vector:
        """(len, dim): all of them."""
        return np.concatenate([np.empty((0, self.dim), self.dtype), *self.parts()])
