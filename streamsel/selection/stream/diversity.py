"""DIVERSITY: what is far from every pick is worth picking.

The gain of a row is its squared distance to the nearest pick: the farthest-point criterion of k-center (Gonzalez,
"Clustering to minimize the maximum intercluster distance", 1985), judged row by row.
"""

from __future__ import annotations

from typing import Self

from streamsel.selection import State, Strategy
from streamsel.selection.columns import Batch
from streamsel.selection.stream.pick_index import Near, PickIndex
from streamsel.selection.stream.reading import vectors_of

__all__ = ["Diversity"]


class Diversity(Strategy):
    """Exact, whatever the number of picks; their vectors are kept for good, so memory grows with the picks alone.

    dim: length of the vectors. column: the Vectors that it reads.
    """

    def __init__(self, dim: int, column: str = "EMBEDDINGS", name: str = "DIVERSITY") -> None:
        self.name, self.column = name, column
        self.index = PickIndex(dim)

    def measure(self, batch: Batch) -> Near:
        """The nearest pick of each row."""
        return self.index.search(vectors_of(batch, self.column, self.index.dim))

    def value(self, measured: Near, row: int) -> float:
        """Squared distance to the nearest pick; infinity before the first pick."""
        return self.index.now(measured, row)[0] ** 2

    def add(self, measured: Near, row: int) -> None:
        """The row's vector is one more pick."""
        self.index.add(measured.rows[row])

    def know(self, batch: Batch) -> None:
        """Without a search, which takes longer the more picks there are."""
        for vector in vectors_of(batch, self.column, self.index.dim):
            self.index.add(vector)

    def state(self) -> State:
        """`picks`, (M, dim) float32."""
        return self.index.state()

    def restore(self, state: State) -> Self:
        """Become what `state` came from; StateError when its picks do not have this dim."""
        self.index.restore(state)
        return self
