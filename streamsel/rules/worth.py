"""What a row is worth whatever has been picked: by its weights, its random numbers, and the classes it holds.

Among rows that look alike the scout keeps the one that is worth most; what must be picked is worth more than any
number. Several strategies count by their strengths, each relative to about the mean of what was seen so far;
DIVERSITY, SIMILARITY and TYPICALITY say the same of rows that look alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Names
from streamsel.config.selection import Entry
from streamsel.data import Value
from streamsel.rules.filters import listed, stem
from streamsel.selection.random_numbers import random_number

__all__ = ["Worth"]


class Worth:
    """Values rows one after the other; any cut into blocks gives the same."""

    def __init__(self, config: SelectionConfig) -> None:
        self._config = config
        kinds = ("WEIGHTS", "BALANCE")
        self._entries = [entry for entry in config.strategies if entry.strategy.type in kinds]
        includes = [one for one in config.constraints if isinstance(one, Names) and one.type == "INCLUDE"]
        self._included = {stem(name) for one in includes for name in listed(one)}
        self._sums = np.zeros(len(self._entries))
        self._scales = np.ones(len(self._entries))
        self._seen = 0

    def of(self, names: Sequence[str], signals: Sequence[Mapping[str, Value]]) -> npt.NDArray[np.float32] | None:
        """(B,) float32, infinite for what must be picked; None where nothing tells rows apart by themselves."""
        if not self._entries and not self._included:
            return None
        return np.array([self._next(*row) for row in zip(names, signals, strict=True)], np.float32)

    def _next(self, name: str, signals: Mapping[str, Value]) -> float:
        values = np.array([self._value(entry, name, signals) for entry in self._entries])
        self._sums += np.abs(values)
        self._seen += 1
        if len(self._entries) > 1:
            self._rescale()
        strengths = np.array([entry.strategy.strength for entry in self._entries])  # type: ignore[union-attr]
        worth = float(np.sum(strengths * values / np.maximum(self._scales, 1e-12)))
        return math.inf if stem(name) in self._included else worth

    def _rescale(self) -> None:
        """A scale stays until it is off by a factor of two: rows are compared with rows of long ago."""
        means = self._sums / self._seen
        off = (means > 2 * self._scales) | (self._scales > 2 * means) | (self._seen == 1)
        self._scales = np.where(off, means, self._scales)

    def _value(self, entry: Entry, name: str, signals: Mapping[str, Value]) -> float:
        options: Any = entry.strategy
        if entry.input.type == "RANDOM":
            return random_number(name, self._config.seed_of(entry))
        value = signals.get(entry.column)
        if options.type == "BALANCE":
            return _wanted(value, dict(options.target or ()))
        return float(value) if isinstance(value, int | float) else 0.0

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Sums of what was seen, how much it was, and the scales."""
        return {"worth": np.append(self._sums, self._seen), "scales": self._scales.copy()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        *sums, seen = arrays["worth"].tolist()
        self._sums, self._seen, self._scales = np.array(sums), int(seen), arrays["scales"].copy()


def _wanted(value: Value, target: Mapping[str, float]) -> float:
    """How much of the classes that a target names a row holds, by their shares; without a target, whether any."""
    if isinstance(value, Mapping):
        return sum(amount * target.get(name, 0.0 if target else 1.0) for name, amount in value.items())
    return 0.0
