"""SIMILARITY: what is near to one of a set of queries is worth picking, whatever has been picked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.selection import State, Strategy
from streamsel.selection.columns import Batch
from streamsel.selection.rows import check_rows
from streamsel.selection.stream.pick_index import PickIndex
from streamsel.selection.stream.reading import objects_of, vectors_of
from streamsel.selection.stream.scale import Scale

__all__ = ["ObjectSimilarity", "Similarity"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Distances:
    """Distances to the nearest query, those of row 0 first; ends: where each row's end."""

    distance: Floats = field(repr=False)
    ends: npt.NDArray[np.int64] = field(repr=False)

    def of(self, row: int) -> Floats:
        return self.distance[self.ends[row - 1] if row else 0 : self.ends[row]]


class Similarity(Strategy):
    """The gain is exp(-d / m), 0..1: d the distance to the nearest query, m as in `scale`, so frozen after 1,024 rows.

    queries: (Q, D) float32, one or more, fixed. column: the Vectors that it reads. Raises UsageError.
    """

    def __init__(self, queries: Vector, column: str = "EMBEDDINGS", name: str = "SIMILARITY") -> None:
        if np.ndim(queries) != 2 or not np.size(queries):
            raise UsageError(f"queries must be (Q, D), one or more, got shape {np.shape(queries)}")
        self.name, self.column = name, column
        picks = check_rows(queries, np.shape(queries)[1])
        self._queries = PickIndex(picks.shape[1]).restore({"picks": picks})
        self._scale = Scale()

    def measure(self, batch: Batch) -> _Distances:
        """The distance of each row to the nearest query."""
        rows = vectors_of(batch, self.column, self._queries.dim)
        return _Distances(self._queries.nearest(rows)[0], np.arange(1, len(rows) + 1))

    def value(self, measured: _Distances, row: int) -> float:
        """Similarity, 0..1; while the scale is learned the row counts in it."""
        return float(self._scale.decayed(measured.of(row)).max(initial=0.0))

    def see(self, measured: _Distances, row: int) -> None:
        """The scale learns."""
        self._scale.see(measured.of(row))

    def state(self) -> State:
        """`scale`; the queries are the maker's to give again."""
        return self._scale.state()

    def restore(self, state: State) -> Self:
        """Become what `state` came from, with one's own queries."""
        self._scale.restore(state)
        return self


class ObjectSimilarity(Similarity):
    """The similarity of a row's most similar object; 0 for a row without objects. column: the Objects that it reads."""

    def measure(self, batch: Batch) -> _Distances:
        """The distance of each object to the nearest query."""
        objects = objects_of(batch, self.column, self._queries.dim)
        return _Distances(self._queries.nearest(objects.rows)[0], objects.ends)
