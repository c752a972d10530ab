"""Times per source, sorted, and whether a new one is too near to any of them."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from streamsel.errors import UsageError
from streamsel.selection.columns import Label

__all__ = ["Gaps"]

MICROSECOND: Final = 1e-6
"""Times are no more exact than this: a gap that is shorter by rounding alone is no shorter."""


class Gaps:
    """seconds: the smallest gap between two times of one source, finite, above 0. A source may be None, unknown."""

    def __init__(self, seconds: float) -> None:
        if not 0 < seconds < float("inf"):
            raise UsageError(f"a minimum gap must be a finite number of seconds above 0, got {seconds}")
        self.seconds = seconds
        self.times: defaultdict[Label | None, array[float]] = defaultdict(lambda: array("d"))

    def near(self, source: Label | None, time: float) -> bool:
        """Whether a time of this source is less than the gap away."""
        times: Sequence[float] = self.times.get(source, ())
        place = bisect_left(times, time)
        around = times[max(0, place - 1) : place + 1]
        return any(abs(time - other) < self.seconds - MICROSECOND for other in around)

    def add(self, source: Label | None, time: float) -> None:
        """One more time, in seconds."""
        insort(self.times[source], time)
