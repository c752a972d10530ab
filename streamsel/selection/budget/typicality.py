"""TYPICALITY, the budget's form: the sum over the picks of a value that never changes, and a reason to end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection.budget.sums import Sum

__all__ = ["Typicality", "checked_minimum", "too_untypical"]


class Typicality(Sum):
    """An Objective: the sum of the picks' typicality.

    values: (N,) float64 in 0..1, as `streamsel.selection.formulas.typicality` gives them.
    stopping_condition_minimum_typicality: the run ends when the best row is less typical than this; 0: never.
    """

    def __init__(
        self,
        values: npt.NDArray[np.float64],
        *,
        name: str = "TYPICALITY",
        stopping_condition_minimum_typicality: float = 0.0,
    ) -> None:
        super().__init__(name, values)
        self._typical, self._minimum = values, checked_minimum(stopping_condition_minimum_typicality)

    def ends(self, row: int) -> str:
        """Whether this row, the best one, is less typical than the stopping condition allows."""
        return too_untypical(self.name, float(self._typical[row]), self._minimum)


def checked_minimum(minimum: float) -> float:
    """The minimum itself; UsageError for one that is not a number of 0 or more."""
    if not minimum >= 0:
        raise UsageError(f"stopping_condition_minimum_typicality must be 0 or more, got {minimum}")
    return minimum


def too_untypical(name: str, value: float, minimum: float) -> str:
    """Why the run ends at a row of this typicality; empty where it goes on."""
    if value >= minimum:
        return ""
    return (
        f"{name}: the best row left has a typicality of {value:.4g}, "
        f"below stopping_condition_minimum_typicality {minimum:.4g}"
    )
