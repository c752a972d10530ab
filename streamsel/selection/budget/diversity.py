"""DIVERSITY, the budget's form: what is far from every pick is worth picking.

O is the sum over the picks of the squared distance to the nearest other pick, recomputed after each; a candidate adds
its own. Alone it is farthest-first traversal (Gonzalez, "Clustering to minimize the maximum intercluster distance",
1985). Before the first pick no row is nearer to anything than another: O is 1 for all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection import Positions
from streamsel.selection.budget.nearest import Nearest

__all__ = ["Diversity"]


class Diversity:
    """An Objective over the rows of `nearest`, which a minimum distance may share.

    stopping_condition_minimum_distance: the run ends when the best row is nearer than this to a pick; 0: never.
    """

    def __init__(
        self, nearest: Nearest, *, name: str = "DIVERSITY", stopping_condition_minimum_distance: float = 0.0
    ) -> None:
        if not stopping_condition_minimum_distance >= 0:
            raise UsageError(
                f"stopping_condition_minimum_distance must be 0 or more, got {stopping_condition_minimum_distance}"
            )
        self.name, self._nearest, self._minimum = name, nearest, stopping_condition_minimum_distance
        self._now: float | None = None
        """None: to be found, for all picks at once that came since."""
        self._values = np.ones(len(nearest.distances))
        self._told = not len(nearest)

    def now(self) -> float:
        """Sum of the squared distances between each pick and the nearest other; 0 with fewer than two."""
        if self._now is None:
            self._now = self._nearest.spread()
        return self._now

    def values(self) -> npt.NDArray[np.float64]:
        """(N,) float64, 0 or more: `now` and the squared distance of each row; 1 before the first pick."""
        if not self._told:
            np.square(self._nearest.distances, out=self._values)
            self._values += self.now()
            self._told = True
        return self._values

    def settle(self, rows: Positions) -> None:
        """Make `values` exact for these rows."""
        self._nearest.settle(rows)
        if len(self._nearest):
            self._values[rows] = self.now() + self._nearest.distances[rows] ** 2

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._nearest.add(row)
        self._now, self._told = None, False

    def ends(self, row: int) -> str:
        """Whether this row, the best one, is nearer to a pick than the stopping condition allows."""
        distance = float(self._nearest.distances[row])
        if distance >= self._minimum:
            return ""
        return (
            f"{self.name}: the best row left is {distance:.4g} from the nearest pick, "
            f"below stopping_condition_minimum_distance {self._minimum:.4g}"
        )
