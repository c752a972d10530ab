"""SIMILARITY and TYPICALITY of objects, the budget's form.

A row is judged by one number over its objects, their largest similarity or their mean typicality; once picked, the
values of all its objects count. So rows with many objects weigh on those that come after, as in the product that users
come from. For a row without objects O is 0, so such rows come last.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.selection import Positions
from streamsel.selection.budget.typicality import checked_minimum, too_untypical
from streamsel.selection.columns import Objects
from streamsel.selection.formulas import object_maximum, object_mean, object_sum, similarity, typicality

__all__ = ["ObjectSimilarity", "ObjectTypicality"]

Floats = npt.NDArray[np.float64]


class _ObjectSum:
    """judged: (N,) what a candidate would add. counted: (N,) what it adds once it is a pick."""

    def __init__(self, name: str, objects: Objects, judged: Floats, counted: Floats) -> None:
        self.name, self._empty = name, objects.counts == 0
        self._judged, self._counted, self._total = judged, counted, 0.0

    @property
    def worths(self) -> Floats:
        """(N,) the value of each row, whatever has been picked; 0 for rows without objects."""
        return np.where(self._empty, 0.0, self._judged)

    def now(self) -> float:
        """Sum of the values of the picks' objects; 0 before the first."""
        return self._total

    def values(self) -> Floats:
        """(N,) float64: `now` and the row's number; 0 for rows without objects."""
        return np.where(self._empty, 0.0, self._total + self._judged)

    def settle(self, rows: Positions) -> None:
        """Nothing to do: `values` are exact."""

    def add(self, row: int) -> None:
        """A row becomes a pick, and all its objects count."""
        self._total += float(self._counted[row])

    def ends(self, row: int) -> str:
        """Never."""
        return ""


class ObjectSimilarity(_ObjectSum):
    """An Objective: the similarity of the picks' objects to (Q, D) float32 queries; a row is judged by its largest.

    The scale is the mean over all objects of the table. Raises UsageError as `formulas.similarity` does.
    """

    def __init__(self, objects: Objects, queries: Vector, *, name: str = "SIMILARITY") -> None:
        values = similarity(objects.rows, queries)
        super().__init__(name, objects, object_maximum(objects, values), object_sum(objects, values))


class ObjectTypicality(_ObjectSum):
    """An Objective: the typicality of the picks' objects among all objects; a row is judged by the mean of its own.

    stopping_condition_minimum_typicality: the run ends when the best row is less typical than this; rows without
    objects end nothing; 0: never. Raises UsageError as `formulas.typicality` does.
    """

    def __init__(
        self,
        objects: Objects,
        num_nearest_neighbors: int,
        *,
        name: str = "TYPICALITY",
        stopping_condition_minimum_typicality: float = 0.0,
    ) -> None:
        values = typicality(objects.rows, num_nearest_neighbors)
        super().__init__(name, objects, object_mean(objects, values), object_sum(objects, values))
        self._minimum = checked_minimum(stopping_condition_minimum_typicality)

    def ends(self, row: int) -> str:
        """Whether this row, the best one, is less typical than the stopping condition allows."""
        return "" if self._empty[row] else too_untypical(self.name, float(self._judged[row]), self._minimum)
