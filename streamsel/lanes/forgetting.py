"""What a lane forgets of its picks, so that one that runs for years stays small, and what comes back is new again.

Picks are forgotten oldest first, at moments that follow from the frames' times and the number of picks alone: so any
cut of the frames into batches forgets the same. Where times go back by more than picks are remembered, as of a clock
that was years ahead until the network was there, what was picked meanwhile counts as picked when they went back: else
nothing would be forgotten for years.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from streamsel.config.pipeline_base import Memory

__all__ = ["Forgetting"]

DAY: Final = 86_400.0

STEPS: Final = 16
"""Looks at what is too old, in the time that picks are remembered: forgetting costs as much as all that is known."""

SLACK: Final = 8
"""One of so many picks is forgotten at once where there are too many."""


class Forgetting:
    """seconds: that a pick is remembered, and up to a sixteenth more; None: for good. most: picks that are remembered,
    at least 1; None: all. Raises ValueError for numbers that cannot mean anything.
    """

    def __init__(self, seconds: float | None = None, most: int | None = None) -> None:
        if (seconds is not None and seconds <= 0) or (most is not None and most < 1):
            raise ValueError(f"Forgetting needs seconds above 0 and most of 1 or more, got {seconds} and {most}")
        self._seconds, self._most = seconds, most
        self._times: list[float] = []
        self._step = -1

    @classmethod
    def of(cls, memory: Memory) -> Self:
        """As a pipeline wants it."""
        return cls(memory.days and memory.days * DAY, memory.picks)

    def runs(self, times: Sequence[float]) -> Iterator[slice]:
        """Cuts frames of these times, in order, so that nothing is to be forgotten within a run; ask `due` before each.

        Consume it run by run: where runs begin depends on the picks of those before.
        """
        start = 0
        while start < len(times):
            end = start + 1
            room = len(times) if self._most is None else self._most - len(self._times)
            highest = self._step_of(times[start])
            least = max(highest, self._step) - STEPS
            while end < len(times) and end - start < room and least <= self._step_of(times[end]) <= highest:
                end += 1
            yield slice(start, end)
            start = end

    def due(self, time: float) -> int:
        """How many of the oldest picks are to be forgotten before a frame of this time is decided; they are now.

        The latest pick is never among them.
        """
        count = 0
        if self._most is not None and len(self._times) >= self._most:
            count = len(self._times) - self._most + max(1, self._most // SLACK)
        step = self._step_of(time)
        if step < self._step - STEPS:
            self._times, self._step = [min(one, time) for one in self._times], step
        if self._seconds is not None and step > self._step:
            self._step = step
            count = max(count, sum(one < time - self._seconds for one in self._times))
        count = min(count, max(0, len(self._times) - 1))
        del self._times[:count]
        return count

    def picked(self, time: float) -> None:
        """A frame of this time was picked."""
        latest = self._times[-1] if self._times else time
        self._times.append(max(time, latest))  # oldest first, also where a clock was set back

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """`times` of the picks that are remembered, seconds; `step`."""
        return {"times": np.array(self._times, np.float64), "step": np.array(self._step)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Become what `state` came from. Picks of whose times nothing was kept are as old as can be: see `adopt`."""
        if "times" in state:
            self._times, self._step = state["times"].tolist(), int(state["step"])
        return self

    def adopt(self, picks: int) -> None:
        """Picks were made before anything was to be forgotten: they count as older than all others."""
        self._times = [0.0] * max(0, picks - len(self._times)) + self._times

    def _step_of(self, time: float) -> int:
        return -1 if self._seconds is None else int(time // (self._seconds / STEPS))
