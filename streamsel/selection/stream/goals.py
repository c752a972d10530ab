"""Several strategies as one goal: the step that a row would be for the potential, to first order.

The budget's driver picks the largest sum of strength * ln O(S + row). Near S the step of ln O is v / O(S), and O(S)
grows with what rows are worth. So the stream adds up strength * v / m, with m the mean |v| of the last rows offered:
no strategy's unit matters, nor does how many picks there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamsel.errors import UsageError
from streamsel.selection import State, Strategy
from streamsel.selection.stream.recent import Recent
from streamsel.selection.stream.standing import Standing

__all__ = ["Goals", "Worth"]

SMALLEST_MEAN: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Worth:
    """A row's gain, the sum of its shares by strategy name; and what each strategy said, before it was scaled."""

    gain: float
    shares: Mapping[str, float]
    values: tuple[float, ...]


class Goals:
    """Strategies with their strengths, finite and of any sign. Raises UsageError for another strength."""

    def __init__(self, strategies: Sequence[tuple[Strategy, float]]) -> None:
        for strategy, strength in strategies:
            if not math.isfinite(strength):
                raise UsageError(f"{strategy.name}: strength must be a finite number, got {strength}")
        self._strategies = tuple(strategies)
        self._recent = [Recent() for _ in strategies]
        self._standing = Standing()

    def weigh(self, measured: Sequence[Any], row: int) -> Worth:
        """What a row is worth now. measured: each strategy's `measure` of its batch, in their order."""
        values, shares = [], dict[str, float]()
        for (strategy, strength), recent, measure in zip(self._strategies, self._recent, measured, strict=False):
            value = strategy.value(measure, row)
            mean = max(recent.mean(abs(value)), SMALLEST_MEAN) if strategy.scaled else 1.0
            share = strength * (value / mean) if math.isfinite(value) else 0.0
            shares[strategy.name] = shares.get(strategy.name, 0.0) + share
            values.append(value)
        return Worth(math.fsum(shares.values()), shares, tuple(values))

    def standing(self, worth: Worth) -> float:
        """The gain in the rate controller's terms: see `standing`."""
        return self._standing.of(worth.gain)

    def see(self, worth: Worth, *, free: bool) -> None:
        """A row of this worth was offered. free: it could be kept or not, so that its gain mattered."""
        if free:
            self._standing.see(worth.gain)
        for recent, value in zip(self._recent, worth.values, strict=True):
            if math.isfinite(value):
                recent.push(abs(value))

    def state(self) -> State:
        """What was offered lately, by the strategies' numbers."""
        recent = {f"recent.{number}": recent.state() for number, recent in enumerate(self._recent)}
        return {**recent, **self._standing.state()}

    def restore(self, state: State) -> None:
        """Become what `state` came from."""
        self._standing.restore(state)
        for number, recent in enumerate(self._recent):
            recent.restore(state[f"recent.{number}"])
