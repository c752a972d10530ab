"""DIVERSITY of objects: a row is worth how far its objects are from all objects of the picks."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from streamsel.selection import State, Strategy
from streamsel.selection.columns import Batch, Objects
from streamsel.selection.stream.pick_index import Near, PickIndex
from streamsel.selection.stream.reading import objects_of

__all__ = ["ObjectDiversity"]


class _Measured(NamedTuple):
    objects: Objects
    near: Near


class ObjectDiversity(Strategy):
    """The gain is the mean, over a row's objects, of the squared distance to the nearest picked object.

    0 for a row without objects. Until an object has been picked each counts as far as from the origin: 1 where norms
    are 1. All objects of a pick are kept, so memory grows with them. dim: length of the vectors. column: the Objects
    that it reads.
    """

    def __init__(self, dim: int, column: str, name: str = "DIVERSITY") -> None:
        self.name, self.column = name, column
        self.index = PickIndex(dim)

    def measure(self, batch: Batch) -> _Measured:
        """The nearest picked object of each object."""
        objects = objects_of(batch, self.column, self.index.dim)
        return _Measured(objects, self.index.search(objects.rows))

    def value(self, measured: _Measured, row: int) -> float:
        """Mean squared distance, 0 or more."""
        ends = measured.objects.ends
        numbers = range(int(ends[row - 1]) if row else 0, int(ends[row]))
        if not len(self.index):
            wide = measured.objects.of(row).astype(np.float64)
            squares = np.einsum("ij,ij->i", wide, wide)
        else:
            squares = np.array([self.index.now(measured.near, number)[0] ** 2 for number in numbers])
        return float(squares.mean()) if len(squares) else 0.0

    def add(self, measured: _Measured, row: int) -> None:
        """All objects of the row are picked."""
        for vector in measured.objects.of(row):
            self.index.add(vector)

    def state(self) -> State:
        """`picks`, (M, dim) float32: all objects picked."""
        return self.index.state()

    def restore(self, state: State) -> Self:
        """Become what `state` came from; StateError when its objects do not have this dim."""
        self.index.restore(state)
        return self
