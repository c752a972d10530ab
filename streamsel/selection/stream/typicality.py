"""TYPICALITY: what looks like much of the stream so far is worth picking.

Alone it picks from one crowd again and again; it is made to stand beside DIVERSITY.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from streamsel.selection import State, Strategy
from streamsel.selection.columns import Batch
from streamsel.selection.stream.density import MEMORY, Density, Surroundings
from streamsel.selection.stream.reading import objects_of, vectors_of
from streamsel.selection.stream.scale import Scale

__all__ = ["ObjectTypicality", "Typicality"]

Floats = npt.NDArray[np.float64]


class _Measured(NamedTuple):
    """What surrounds all vectors of a batch; ends: where each row's end."""

    around: Surroundings
    ends: npt.NDArray[np.int64]

    def numbers(self, row: int) -> range:
        return range(int(self.ends[row - 1]) if row else 0, int(self.ends[row]))


class Typicality(Strategy):
    """The gain is the mean of exp(-d / m) over the distances d to the K nearest of `memory` earlier rows, 0..1.

    The memory is a uniform sample of all that was offered (see `density`), m as in `scale`, so frozen after 1,024
    rows. With nothing to compare with, a row is typical by 1. Raises UsageError.
    """

    def __init__(
        self,
        dim: int,
        num_nearest_neighbors: int = 20,
        column: str = "EMBEDDINGS",
        name: str = "TYPICALITY",
        memory: int = MEMORY,
    ) -> None:
        self.name, self.column = name, column
        self._density, self._scale = Density(dim, num_nearest_neighbors, memory), Scale()

    def measure(self, batch: Batch) -> _Measured:
        """What surrounds each row."""
        rows = vectors_of(batch, self.column, self._density.dim)
        return _Measured(self._density.measure(rows), np.arange(1, len(rows) + 1))

    def value(self, measured: _Measured, row: int) -> float:
        """Typicality, 0..1; while the scale is learned the row counts in it."""
        distances = self._distances(measured, row)
        return float(self._scale.decayed(distances).mean()) if len(distances) else 1.0

    def _distances(self, measured: _Measured, row: int) -> Floats:
        """(m * K,) float64: distances of all vectors of a row to their neighbours, one vector after the other."""
        found = [self._density.nearest(measured.around, number) for number in measured.numbers(row)]
        return np.concatenate(found) if found else np.empty(0)

    def see(self, measured: _Measured, row: int) -> None:
        """The scale learns, and the memory takes its sample."""
        self._scale.see(self._distances(measured, row))
        for number in measured.numbers(row):
            self._density.meet(measured.around, number)

    def state(self) -> State:
        """`scale`, `met` and `memory`."""
        return {**self._scale.state(), **self._density.state()}

    def restore(self, state: State) -> Self:
        """Become what `state` came from; StateError where its vectors do not fit."""
        self._density.restore(state)
        self._scale.restore(state)
        return self


class ObjectTypicality(Typicality):
    """The mean typicality of a row's objects, the memory being one of objects; 0 for a row without objects.

    column: the Objects that it reads.
    """

    def measure(self, batch: Batch) -> _Measured:
        """What surrounds each object."""
        objects = objects_of(batch, self.column, self._density.dim)
        return _Measured(self._density.measure(objects.rows), objects.ends)

    def value(self, measured: _Measured, row: int) -> float:
        """Mean typicality of the row's objects, 0..1."""
        return super().value(measured, row) if measured.numbers(row) else 0.0
