"""Windows of time that no record ends: each partition has a clock, that of its records, which goes on by itself.

It stands at the time of the latest record that the open window holds, and runs while is looked for others and none is
there. So a window of a partition that falls silent ends by the times of records, whether these are as old as the clock
on the wall says or years older, as in a replay; but never while records lie unread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from streamsel.lanes.deciding import Span
from streamsel.lanes.lane import Lane

__all__ = ["LOOK", "Silence"]

LATE: Final = 5.0
"""Seconds that records get to arrive after the end of a window."""

LOOK: Final = 2.0
"""Seconds that one look counts for, at most: a process that stood still has not looked."""


class Silence:
    """ticks: seconds that never jump."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks, self._last = ticks, ticks()
        self._quiet: dict[int, _Quiet] = {}
        """Of each partition with an open window."""

    def over(self, lanes: Mapping[int, Lane], lag: Mapping[int, int]) -> dict[int, float]:
        """Partitions whose open window is over though no record ended it, each with the time that `Lane.end` takes.

        Call it after each look for records. lag: of each partition, how many are not read yet; without a number it is
        not known.
        """
        before, self._last = self._last, self._ticks()
        step = min(self._last - before, LOOK)
        opened = {one: _Quiet(at.span, at.latest, lane.position) for one, lane in lanes.items() if (at := lane.open)}
        self._quiet = {partition: self._longer(partition, now, step) for partition, now in opened.items()}
        return {one: quiet.clock for one, quiet in self._quiet.items() if quiet.is_over and lag.get(one) == 0}

    def _longer(self, partition: int, now: _Quiet, step: float) -> _Quiet:
        """Seconds count where nothing came, and begin anew with a record that sets the clock."""
        was = self._quiet.get(partition, now)
        if (was.span, was.latest) != (now.span, now.latest):
            return now
        return replace(now, seconds=was.seconds + (step if was.position == now.position else 0.0))


@dataclass(frozen=True, slots=True)
class _Quiet:
    """An open window, the time of its latest record, where its lane stands, and seconds without another record."""

    span: Span
    latest: float
    position: int | None
    seconds: float = 0.0

    @property
    def clock(self) -> float:
        """Of the partition, UTC seconds since 1970."""
        return self.latest + self.seconds

    @property
    def is_over(self) -> bool:
        return self.clock >= self.span.end + LATE
