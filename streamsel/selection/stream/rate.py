"""The controller that keeps a share of a stream, whatever comes.

After t frames there may be ratio * t picks, give or take

    band(t) = max(5 % of ratio * t, sqrt(ratio * t)),

from frame SETTLED on and once ratio * t is 1 or more, as long as a scout that holds frames back lets a row through
every 1 / (SCOUTED * ratio) frames. At the upper edge of the band nothing is kept, at the lower edge everything is; that
is where a stream in which nothing happens keeps its repetitions, as late and as evenly as the band allows. In between
a row is kept when its gain is above a threshold:

- its level, a share of the largest gain met, moves slowly with how far the picks are off inside the band
  (stochastic approximation: Robbins and Monro, Ann. Math. Statist. 22, 1951), by steps that shrink as 1 / t, so that
  a quiet hour is not forgotten the moment something happens, and does not undo what a day has taught;
- near the lower edge it sinks to zero, towards the upper edge it rises to the largest gain, so that what is kept there
  is still the best of a few.

The level rests below the middle of the band, which leaves room for the scene that nobody has seen yet.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Final, Self

import numpy as np

from streamsel.errors import UsageError
from streamsel.selection import State

__all__ = ["SETTLED", "Rate", "band"]

SETTLED: Final = 1000
"""Frames after which the band is kept. Before, picks may run ahead: a stream begins with what is all new."""
LARGEST: Final = 1.56
"""The gain of an unrelated row, taken for the largest until LEARNED frames have shown how large gains are."""
LEARNED: Final = 2000
START: Final = 0.25
"""The level's first share of the largest gain for a ratio of 5 %; it is that times (5 % / ratio) ** FALL."""
FALL: Final = 0.7
HIGHEST: Final = 0.64
"""Where the threshold ends at the upper edge of the band, as a share of the largest gain."""
REST: Final = -0.4
"""Where in the band, of -1 to 1, the level tries to keep the picks."""
PACE: Final = 2.0
"""How fast the logarithm of the level moves: so much per e-fold of t, when off by one band."""
SINKING: Final = 0.5
"""The part of the lower half of the band over which the threshold sinks."""
SCOUTED: Final = 4
"""A scout lets through at least so many times the ratio: the next row is at most 1 / (SCOUTED * ratio) frames away."""
GAP_MEMORY: Final = 256
"""Rows over which a longer wait is remembered; the picks then keep that much away from the lower edge."""


def band(ratio: float, t: float) -> float:
    """How many picks more or less than ratio * t there may be after t frames."""
    return max(0.05 * ratio * t, math.sqrt(ratio * t))


class Rate:
    """Decides by gains alone. `looked` and `kept` count; three numbers are learned. Nothing grows.

    ratio: picks per frame looked at, above 0 and at most 1. start: the level's first share of the largest gain.
    """

    def __init__(self, ratio: float, start: float | None = None) -> None:
        if not 0 < ratio <= 1:
            raise UsageError(f"target_ratio must be above 0 and at most 1 (0.01 keeps one frame of 100), got {ratio}")
        self.ratio = float(ratio)
        self.looked = self.kept = 0
        self._largest = 0.0
        level = math.log(START) + FALL * math.log(0.05 / ratio) if start is None else math.log(start)
        self._level = min(math.log(HIGHEST), level)
        self._waited = 0
        self._gap = self._usual_gap = 1 / (SCOUTED * self.ratio)

    def decide(self, gain: float, looked: int = 1) -> bool:
        """Whether to keep a row of this gain, 0 or more and relative to squared norms; the first is always kept.

        looked: frames looked at since the row before, this one included.
        """
        self.looked += looked
        self._gap = max(float(looked + self._waited), self._usual_gap, self._gap * (1 - 1 / GAP_MEMORY))
        self._waited = 0
        if not self.kept:
            self.kept = 1
            return True
        self._largest = max(self._largest, gain)
        keep = self._keeps(gain)
        self._steer(looked)
        self.kept += keep
        return keep

    def peek(self, gain: float) -> bool:
        """What `decide` would say of the next row; changes nothing."""
        return copy(self).decide(gain)

    def add(self, looked: int = 1) -> None:
        """Count a row that was kept whatever the decision would have been."""
        self.looked += looked
        self.kept += 1

    def skip(self, count: int) -> None:
        """Count frames that were looked at and not offered."""
        self.looked += count

    def forbid(self, looked: int = 1) -> None:
        """Count a row that must not be kept; how long there was no other is known to the next decision."""
        self.looked += looked
        self._waited += looked

    def join(self, other: Rate) -> None:
        """Count and know what another one of the same ratio does too; the same whichever of the two is asked."""
        looked = self.looked + other.looked
        if looked:
            self._level = (self._level * self.looked + other._level * other.looked) / looked
        self._largest, self._gap = max(self._largest, other._largest), max(self._gap, other._gap)
        self.looked, self.kept = looked, self.kept + other.kept

    def _keeps(self, gain: float) -> bool:
        """Kept below the floor, refused at the ceiling, in between by the threshold."""
        above, ceiling = self.kept - self._floor(), self._ceiling()
        if above < 0:
            return True
        return self.kept + 1 <= ceiling and gain > 0 and math.log(gain) > self._threshold(above, ceiling)

    def _floor(self) -> float:
        """The fewest picks that will do until the next row has come, seen from now; never more than the ratio asks."""
        ahead = self.looked + self._gap
        return min(self.ratio * ahead - band(self.ratio, ahead), self.ratio * self.looked)

    def _ceiling(self) -> float:
        t = max(self.looked, SETTLED)
        return self.ratio * t + band(self.ratio, t)

    def _threshold(self, above: float, ceiling: float) -> float:
        """Logarithm of the gain that a row must exceed, with `above` picks more than the floor, 0 or more."""
        largest = self._log_largest()
        threshold = self._level + largest
        sinking = max(1.0, SINKING * band(self.ratio, max(self.looked, SETTLED)))
        if above < sinking:
            threshold += math.log(max(above / sinking, 1e-18))
        wanted = self.ratio * self.looked
        pressure = min(1.0, max(0.0, self.kept - wanted) / max(ceiling - 1 - wanted, 1e-9))
        return threshold + pressure * max(0.0, math.log(HIGHEST) + largest - threshold)

    def _log_largest(self) -> float:
        """LARGEST, until it has been exceeded; else it gives way to what was met, over LEARNED frames."""
        met = math.log(max(self._largest, 1e-18))
        known = 1.0 if self._largest >= LARGEST else min(1.0, self.looked / LEARNED)
        return known * met + (1 - known) * math.log(LARGEST)

    def _steer(self, looked: int) -> None:
        if self.looked >= SETTLED:
            off = (self.kept - self.ratio * self.looked) / band(self.ratio, self.looked) - REST
            self._level = min(0.0, self._level + PACE * off * looked / self.looked)

    def state(self) -> State:
        """`rate`, all that was counted and learned, and `ratio`."""
        learned = [self._largest, self._level, self._gap, self._waited]
        counted = np.array([self.looked, self.kept, *learned], np.float64)
        return {"rate": counted, "ratio": np.array(self.ratio)}

    def restore(self, state: State) -> Self:
        """Go on from `state`, also one of before rows could be forbidden, or ratios were told.

        The ratio is this one's own. One that is another than the state's is counted from here on, with what was learned
        of gains: else it would make up for all frames of before, by keeping all or nothing for as long as it takes.
        """
        looked, kept, self._largest, self._level, self._gap, *waited = state["rate"].tolist()
        self.looked, self.kept, self._waited = int(looked), int(kept), int(sum(waited))
        before = float(state.get("ratio", self.ratio))
        if before != self.ratio:
            self._level = min(0.0, self._level + FALL * math.log(before / self.ratio))
            self._gap = self._usual_gap
            self.begin(self.kept)
        return self

    def begin(self, picks: int) -> Self:
        """Count from here on, with the latest of so many earlier picks for the first."""
        self.looked, self.kept, self._waited = 0, min(1, picks), 0
        return self
