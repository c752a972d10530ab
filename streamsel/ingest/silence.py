"""Windows of time that no record ends: each partition has a clock, that of its records, which goes on by itself.

It stands at the time of the latest record that the open window holds, and runs while is looked for others and none is
there. So a window of a partition that falls silent ends by the times of records, whether these are as old as the clock
on the wall says or years older, as in a replay; but never while records lie unread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from streamsel.lanes.deciding import Open, Span
from streamsel.lanes.lane import Lane

__all__ = ["LOOK", "Silence"]

LATE: Final = 5.0
"""Seconds that records get to arrive after the end of a window."""

LOOK: Final = 2.0
"""Seconds that one look counts for, at most: a process that stood still has not looked."""


class Silence:
    """now: UTC seconds since 1970. ticks: seconds that never jump."""

    def __init__(self, now: Callable[[], float] = time.time, ticks: Callable[[], float] = time.monotonic) -> None:
        self._now, self._ticks, self._last = now, ticks, ticks()
        self._quiet: dict[int, tuple[Span, float, float]] = {}
        """Of each partition with an open window: this, the time of its latest record, and seconds without another."""

    def over(self, lanes: Mapping[int, Lane], lag: Mapping[int, int]) -> dict[int, float]:
        """Partitions whose open window is over though no record ended it, each with the time that `Lane.end` takes.

        Call it after each look for records. lag: of each partition, how many are not read yet; without a number it is
        not known. A window that begins later than the next one on the wall's clock was opened by a record with a wrong
        time; it is over at once.
        """
        before, self._last = self._last, self._ticks()
        step, now = min(self._last - before, LOOK), self._now()
        opened = {partition: one for partition, lane in lanes.items() if (one := lane.open)}
        self._quiet = {partition: self._longer(partition, one, step) for partition, one in opened.items()}
        ahead = {partition: now for partition, one in opened.items() if now < _too_early(one.span)}
        clocks = {partition: latest + seconds for partition, (_, latest, seconds) in self._quiet.items()}
        silent = {one: clock for one, clock in clocks.items() if clock >= opened[one].span.end + LATE}
        return {**{one: clock for one, clock in silent.items() if lag.get(one) == 0}, **ahead}

    def _longer(self, partition: int, one: Open, step: float) -> tuple[Span, float, float]:
        span, latest, seconds = self._quiet.get(partition, (None, 0.0, 0.0))
        return one.span, one.latest, seconds + step if (span, latest) == (one.span, one.latest) else 0.0


def _too_early(span: Span) -> float:
    """A time before this one has nothing to do with a window, however late its records come."""
    return span.begin - (span.end - span.begin)
