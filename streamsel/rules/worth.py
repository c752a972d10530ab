"""What a row is worth whatever has been picked: by its weights, its random numbers, and the classes it holds.

Among rows that look alike the scout keeps the one that is worth most. Each strategy counts by its strength, relative
to the mean of what was seen so far; DIVERSITY, SIMILARITY and TYPICALITY say the same of rows that look alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.config.selection import Entry
from streamsel.data import Value
from streamsel.selection.random_numbers import random_number

__all__ = ["Worth"]


class Worth:
    """Values rows one after the other; any cut into blocks gives the same."""

    def __init__(self, config: SelectionConfig) -> None:
        self._config = config
        kinds = ("WEIGHTS", "BALANCE")
        self._entries = [entry for entry in config.strategies if entry.strategy.type in kinds]
        self._sums = np.zeros(len(self._entries))
        self._seen = 0

    def of(self, names: Sequence[str], signals: Sequence[Mapping[str, Value]]) -> npt.NDArray[np.float32] | None:
        """(B,) float32; None where no strategy tells rows apart by themselves."""
        if not self._entries:
            return None
        return np.array([self._next(*row) for row in zip(names, signals, strict=True)], np.float32)

    def _next(self, name: str, signals: Mapping[str, Value]) -> float:
        values = np.array([self._value(entry, name, signals) for entry in self._entries])
        self._sums += np.abs(values)
        self._seen += 1
        strengths = np.array([entry.strategy.strength for entry in self._entries])  # type: ignore[union-attr]
        return float(np.sum(strengths * values / np.maximum(self._sums / self._seen, 1e-12)))

    def _value(self, entry: Entry, name: str, signals: Mapping[str, Value]) -> float:
        options: Any = entry.strategy
        if entry.input.type == "RANDOM":
            return random_number(name, self._config.seed_of(entry))
        value = signals.get(entry.column)
        if options.type == "BALANCE":
            return _wanted(value, dict(options.target or ()))
        return float(value) if isinstance(value, int | float) else 0.0

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Sums of what was seen, and how much."""
        return {"worth": np.append(self._sums, self._seen)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        *sums, seen = arrays["worth"].tolist()
        self._sums, self._seen = np.array(sums), int(seen)


def _wanted(value: Value, target: Mapping[str, float]) -> float:
    """How much of the classes that a target names a row holds, by their shares; without a target, whether any."""
    if isinstance(value, Mapping):
        return sum(amount * target.get(name, 0.0 if target else 1.0) for name, amount in value.items())
    return 0.0
