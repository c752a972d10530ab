"""DIVERSITY of objects, the budget's form: a row is worth how far its objects are from all objects of the picks.

O is that of whole rows with every object of every pick in it: the sum over the picked objects of the squared distance
to the nearest other one. A candidate adds the mean over its objects of the squared distance to the nearest of them.
While no object is picked O is 1; for a row without objects it is always 0, so such rows come last.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection import Positions
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.columns import Objects, Vectors

__all__ = ["ObjectDiversity"]


class ObjectDiversity:
    """An Objective. objects: those of the N candidates, unit norm where distances of 0..2 are meant.

    stopping_condition_minimum_distance: the run ends when the objects of the best row are, by root mean square, nearer
    than this to the picks' objects; rows without objects end nothing; 0: never.
    """

    def __init__(
        self, objects: Objects, *, name: str = "DIVERSITY", stopping_condition_minimum_distance: float = 0.0
    ) -> None:
        if not stopping_condition_minimum_distance >= 0:
            raise UsageError(
                f"stopping_condition_minimum_distance must be 0 or more, got {stopping_condition_minimum_distance}"
            )
        self.name, self._minimum = name, stopping_condition_minimum_distance
        self._counts, self._starts = objects.counts, objects.ends - objects.counts
        self._nearest = Nearest(Vectors(objects.rows))
        self._means = np.where(self._counts > 0, np.inf, 0.0)
        """Mean squared distance of each row's objects, when it was last settled."""
        self._now: float | None = None
        """None: to be found, for all picks at once that came since."""

    def now(self) -> float:
        """Sum of the squared distances between each picked object and the nearest other; 0 with fewer than two."""
        if self._now is None:
            self._now = self._nearest.spread()
        return self._now

    def values(self) -> npt.NDArray[np.float64]:
        """(N,) float64: `now` and the mean squared distance of each row's objects."""
        if not len(self._nearest):
            return (self._counts > 0).astype(np.float64)
        return np.where(self._counts > 0, self.now() + self._means, 0.0)

    def settle(self, rows: Positions) -> None:
        """Make `values` exact for these rows."""
        some = rows[self._counts[rows] > 0]
        if not len(self._nearest) or not len(some):
            return
        counts = self._counts[some]
        firsts = np.cumsum(counts) - counts
        places = np.repeat(self._starts[some] - firsts, counts) + np.arange(counts.sum())
        self._nearest.settle(places)
        self._means[some] = np.add.reduceat(self._nearest.distances[places] ** 2, firsts) / counts

    def add(self, row: int) -> None:
        """A row becomes a pick, and all its objects are picked."""
        for place in range(int(self._starts[row]), int(self._starts[row] + self._counts[row])):
            self._nearest.add(place)
        self._now = None

    def ends(self, row: int) -> str:
        """Whether the objects of this row, the best one, are nearer than the stopping condition allows."""
        if not len(self._nearest) or not self._counts[row]:
            return ""
        self.settle(np.array([row]))
        distance = float(np.sqrt(self._means[row]))
        if distance >= self._minimum:
            return ""
        return (
            f"{self.name}: the objects of the best row left are {distance:.4g} from the nearest picked ones, "
            f"below stopping_condition_minimum_distance {self._minimum:.4g}"
        )
