"""WEIGHTS, RANDOM and every other strategy that sums a value per row: O is the sum over the picks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection import Positions

__all__ = ["Sum"]


class Sum:
    """An Objective: the sum of the picks' values.

    values: (N,) float64, finite. max_sum: the run ends once the picks' sum has reached it, so the pick that reaches
    it is the last. target_range: (least, greatest) sum wanted, 0 <= least <= greatest > 0. Then, with m the middle
    of the range, O is min(sum / m, m / sum): rows that add much are preferred until the sum is m, and rows that add
    little from there on, so that the picks still to come stay within the upper half. Whether the sum ends inside
    depends on the number of picks and the other strategies; it is a goal, not a constraint.
    """

    def __init__(
        self,
        name: str,
        values: npt.NDArray[np.float64],
        max_sum: float | None = None,
        target_range: tuple[float, float] | None = None,
    ) -> None:
        if max_sum is not None and not max_sum >= 0:
            raise UsageError(f"{name}: stopping_condition_max_sum must be 0 or more, got {max_sum}")
        if target_range is not None and not (0 <= target_range[0] <= target_range[1] < np.inf and target_range[1] > 0):
            raise UsageError(
                f"{name}: target_range must be 0 <= min_sum <= max_sum, the latter > 0, got {target_range}"
            )
        self.name, self._weights, self._max_sum, self._range = name, values, max_sum, target_range
        self._total = 0.0
        self._picks = 0
        self._values: npt.NDArray[np.float64] | None = None

    @property
    def worths(self) -> npt.NDArray[np.float64]:
        """(N,) the value of each row, whatever has been picked."""
        return self._weights

    def now(self) -> float:
        """O of the picks; 0 before the first."""
        return float(self._objective(np.array([self._total]))[0]) if self._picks else 0.0

    def values(self) -> npt.NDArray[np.float64]:
        """(N,) float64: O with each row; 0 or less where a sum is."""
        if self._values is None:
            self._values = self._objective(self._total + self._weights)
        return self._values

    def _objective(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if self._range is None:
            return sums
        middle = sum(self._range) / 2
        return np.minimum(sums / middle, middle / np.maximum(sums, middle))

    def settle(self, rows: Positions) -> None:
        """Nothing to do: `values` are exact."""

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._total, self._picks, self._values = self._total + float(self._weights[row]), self._picks + 1, None

    def ends(self, row: int) -> str:
        """Whether the picks have reached the greatest sum."""
        if self._max_sum is None or self._total < self._max_sum:
            return ""
        return f"{self.name}: the sum {self._total:.6g} has reached stopping_condition_max_sum {self._max_sum:.6g}"
