"""Totals: what all that passed the filters holds, whatever the scout makes of it.

A budget chooses among what the scout kept, which is not a fair sample. So the shares of the input that BALANCE keeps,
and what the summary calls the mean of all rows, are summed over every row that is looked at.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Value

__all__ = ["Totals"]


class Totals:
    """Column -> the sum of its numbers, and of its counts by class; any cut into blocks gives the same."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        self._amounts: dict[str, Counter[str]] = {}
        self._ends: dict[str, list[float]] = {}

    def add(self, signals: Sequence[Mapping[str, Value]]) -> None:
        """Take in what is known of rows, column -> value."""
        for known in signals:
            for column, value in known.items():
                if isinstance(value, Mapping):
                    self._amounts.setdefault(column, Counter()).update(value)
                elif isinstance(value, int | float):
                    self._sums[column] += value  # type: ignore[assignment]
                    self._rows[column] += 1
                    low, high = self._ends.get(column, (value, value))
                    self._ends[column] = [min(low, value), max(high, value)]

    def mean(self, column: str) -> float | None:
        """Of a column of numbers; None where there were none."""
        return self._sums[column] / self._rows[column] if self._rows[column] else None

    def ends(self, column: str) -> tuple[float | None, float | None]:
        """The smallest and the largest of a column of numbers; None where there were none."""
        low, high = self._ends.get(column, (None, None))
        return low, high

    def shares(self, column: str) -> dict[str, float]:
        """Class -> its share of all that was counted; empty where nothing was."""
        amounts = self._amounts.get(column, Counter())
        total = sum(amounts.values())
        return {name: amount / total for name, amount in sorted(amounts.items())} if total else {}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """One array: the sums as JSON."""
        told = json.dumps([self._sums, self._rows, self._amounts, self._ends], sort_keys=True)
        return {"totals": np.frombuffer(told.encode(), np.uint8)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        sums, rows, amounts, self._ends = json.loads(arrays["totals"].tobytes())
        self._sums, self._rows = Counter(sums), Counter(rows)
        self._amounts = {column: Counter(held) for column, held in amounts.items()}
