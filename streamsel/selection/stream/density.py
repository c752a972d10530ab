"""How crowded it is around a vector, told by a bounded memory that stands for the whole stream so far.

The memory is a uniform sample of all vectors met (reservoir sampling, algorithm R: Vitter, ACM TOMS 11, 1985), the
draws being hashes of their numbers. A window of the last ones would tell how long a shot has lasted, not how often
the stream looks like it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.selection import State
from streamsel.selection.random_numbers import random_number
from streamsel.selection.stream.lattice import Lattice

__all__ = ["MEMORY", "Density", "Surroundings"]

Floats = npt.NDArray[np.float64]
Ordinals = npt.NDArray[np.int64]

MEMORY: Final = 2048
"""Vectors remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Vectors, and their distances to all places of the memory when `met` vectors had been met."""

    vectors: Vector = field(repr=False)
    rows: Lattice = field(repr=False)
    distances: Floats = field(repr=False)
    met: int


class Density:
    """Distances to the K nearest of the memory, K at least 1, fewer while the memory holds fewer.

    dim: length of the vectors. memory: how many are remembered.
    """

    def __init__(self, dim: int, num_nearest_neighbors: int, memory: int = MEMORY) -> None:
        if dim < 1:
            raise UsageError(f"dim must be 1 or more, got {dim}")
        if not 1 <= num_nearest_neighbors <= memory:
            raise UsageError(f"num_nearest_neighbors must be 1 to {memory}, got {num_nearest_neighbors}")
        self.dim, self.k, self.memory = dim, num_nearest_neighbors, memory
        self._forget()

    def _forget(self) -> None:
        self._met = 0
        self._vectors = np.zeros((self.memory, self.dim), np.float32)
        self._rows = Lattice.empty(self.memory, self.dim)
        self._numbers: Ordinals = np.full(self.memory, -1)

    def measure(self, vectors: Vector) -> Surroundings:
        """Distances of (B, dim) vectors to the memory, to be asked for with `nearest` whatever is met meanwhile."""
        rows = Lattice.of(vectors)
        distances = np.full((len(rows), self.memory), np.inf)
        full = min(self._met, self.memory)
        distances[:, :full] = rows.distances(self._rows[:full])
        return Surroundings(vectors, rows, distances, self._met)

    def nearest(self, around: Surroundings, number: int) -> Floats:
        """(min(K, met),) float64, rising: a vector's distances to the nearest of the memory as it is now."""
        distances = around.distances[number]
        changed = np.flatnonzero(self._numbers >= around.met)
        if len(changed):
            distances = distances.copy()
            distances[changed] = around.rows[number : number + 1].distances(self._rows[changed])[0]
        k = min(self.k, self._met)
        return np.sort(np.partition(distances, k - 1)[:k]) if k else np.empty(0)

    def meet(self, around: Surroundings, number: int) -> None:
        """One more vector was met; it may take a place in the memory."""
        self._met += 1
        place = self._met - 1
        if place >= self.memory:
            place = int(random_number(str(self._met)) * self._met)
        if place < self.memory:
            self._vectors[place] = around.vectors[number]
            self._rows.put(place, around.rows, number)
            self._numbers[place] = self._met - 1

    def state(self) -> State:
        """`met`, and `memory`, (min(met, memory), dim) float32: 10 MB for 2,048 vectors of 1,280 numbers."""
        return {"met": np.array(self._met), "memory": self._vectors[: min(self._met, self.memory)].copy()}

    def restore(self, state: State) -> None:
        """Become what `state` came from; StateError where its vectors do not fit."""
        met, vectors = int(state["met"]), state["memory"]
        if vectors.shape != (min(met, self.memory), self.dim):
            raise StateError(f"{met} rows were met, and the memory has shape {vectors.shape}: another model made it")
        self._forget()
        self._met = met
        self._vectors[: len(vectors)] = vectors
        full = Lattice.of(self._vectors[: len(vectors)])
        self._rows.rows[: len(full)], self._rows.units[: len(full)] = full.rows, full.units
        self._rows.squares[: len(full)] = full.squares
