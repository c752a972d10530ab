"""The last numbers of a stream: their mean, and where one stands among them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["RECENT", "Recent"]

Floats = npt.NDArray[np.float64]

RECENT: Final = 2048
"""Numbers remembered."""


class Recent:
    """A ring of the last RECENT numbers. Whatever is asked of a number counts it in, as if it had been pushed."""

    def __init__(self) -> None:
        self._values: Floats = np.zeros(RECENT)
        self._pushed = 0

    def push(self, value: float) -> None:
        """One more number, finite; the oldest is forgotten."""
        self._values[self._pushed % RECENT] = value
        self._pushed += 1

    def mean(self, value: float) -> float:
        """Mean of this number and those before it; infinity where their sum overflows."""
        with np.errstate(over="ignore"):
            return float(self._with(value).mean())

    def rank(self, value: float) -> float:
        """The share, above 0 and at most 1, of this number and those before it that are at least as large."""
        values = self._with(value)
        return float(np.count_nonzero(values >= value) / len(values))

    def _with(self, value: float) -> Floats:
        values = self._values[: min(self._pushed + 1, RECENT)].copy()
        values[self._pushed % RECENT] = value
        return values

    def state(self) -> Floats:
        """How many were pushed, and those remembered."""
        return np.concatenate([[self._pushed], self._values[: min(self._pushed, RECENT)]])

    def restore(self, state: Floats) -> None:
        """Become what `state` came from."""
        self._pushed = int(state[0])
        self._values[: len(state) - 1] = state[1:]
