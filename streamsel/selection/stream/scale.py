"""The mean distance by which SIMILARITY and TYPICALITY measure, learned as rows come and then left alone.

The budget's form takes the mean over all rows; a stream has not seen them. A scale that went on moving would judge
early and late rows differently, so it is frozen after LEARNED rows.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.selection import State

__all__ = ["LEARNED", "Scale"]

Floats = npt.NDArray[np.float64]

LEARNED: Final = 1024
"""Rows over which the scale is learned."""


class Scale:
    """The mean of all distances of the first LEARNED rows that had any."""

    def __init__(self) -> None:
        self._rows, self._number, self._sum = 0, 0, 0.0

    def decayed(self, distances: Floats) -> Floats:
        """exp(-d / mean) for each distance of one row, which counts among those learned from; 1 where the mean is 0."""
        total, number = self._with(distances)
        mean = total / number if number else 0.0
        return np.array([math.exp(-d / mean) if mean > 0 else 1.0 for d in distances.tolist()], np.float64)

    def see(self, distances: Floats) -> None:
        """Learn from one row's distances; a row without any teaches nothing."""
        self._sum, self._number = self._with(distances)
        self._rows += bool(self._rows < LEARNED and len(distances))

    def _with(self, distances: Floats) -> tuple[float, int]:
        if self._rows >= LEARNED:
            return self._sum, self._number
        return self._sum + float(distances.sum()), self._number + len(distances)

    def state(self) -> State:
        """`scale`: rows, distances, their sum."""
        return {"scale": np.array([self._rows, self._number, self._sum], np.float64)}

    def restore(self, state: State) -> None:
        """Become what `state` came from."""
        rows, number, self._sum = state["scale"].tolist()
        self._rows, self._number = int(rows), int(number)
