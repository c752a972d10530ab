"""MIN_DISTANCE: no two picks nearer to each other than this, whatever else a row has to offer.

A true filter: rows that are too near are passed over and the run goes on, whereas DIVERSITY's stopping condition ends
it when the best row is too near.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection.budget.nearest import Nearest

__all__ = ["MinimumDistance"]

TOGETHER: Final = 32
"""Neighbours in the table brought up to date at once: about as dear as one, and many rows will be asked for."""


class MinimumDistance:
    """A Constraint over the rows of `nearest`, which DIVERSITY may share. distance: Euclidean, finite, above 0."""

    def __init__(self, nearest: Nearest, distance: float, *, name: str = "MIN_DISTANCE") -> None:
        if not 0 < distance < np.inf:
            raise UsageError(f"a minimum distance must be a finite number above 0, got {distance}")
        self.name, self._nearest, self._distance = name, nearest, distance

    def forbids(self, row: int) -> bool:
        """Whether the row is nearer than the distance to a pick; an upper bound below it is proof enough."""
        if self._nearest.distances[row] >= self._distance:
            start = row - row % TOGETHER
            self._nearest.settle(np.arange(start, min(start + TOGETHER, len(self._nearest.distances))))
        return bool(self._nearest.distances[row] < self._distance)

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._nearest.add(row)

    def wants(self, left: int) -> npt.NDArray[np.bool_] | None:
        """Nothing in particular."""
        return None
