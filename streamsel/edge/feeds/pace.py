"""Which frames of a live source are looked at where the machine is too slow for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["Pace"]

MOST: Final = 8
"""Each 8th frame is looked at, at least."""

BEHIND: Final = 3.0
"""Seconds over which frames keep being dropped before fewer are looked at: a hiccup is no reason."""

HICCUP: Final = 1.5, 4
"""Seconds, and frames looked at, without a drop: more than both, and the next one counts as the first."""

CALM: Final = 15.0
"""Seconds without a drop and with room in the inbox before more frames are looked at again."""

MOST_CALM: Final = 600.0
"""So many seconds at most, where that was in vain each time."""

SOON: Final = 120.0
"""Seconds after which frames are dropped again at the latest, where more of them were in vain: a queue fills slowly."""


class Pace:
    """Looks at all frames, each 2nd, 4th or 8th: one step less after BEHIND seconds of drops, one step more after CALM
    seconds without. A step that had to be taken back soon doubles the calm that the next one takes, so that a machine
    which can do with half of the frames, but not with all, is not overrun four times a minute for ever.

    clock: seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.thinned = 1
        """1, 2, 4 or 8: of so many frames one is looked at."""
        self._clock = clock
        self._frames = self._looked = self._dropped = self._looked_then = 0
        self._first_drop = self._last_drop = self._eased = float("-inf")
        self._calm_since = clock()
        self._calm = CALM

    def looks(self, dropped: int, room: bool) -> bool:
        """Whether the next frame is looked at. dropped: frames of this source that were dropped ever. room: whether
        those that wait now are few.
        """
        now = self._clock()
        if dropped > self._dropped:
            self._dropped = dropped
            self._behind(now)
        elif not room:
            self._calm_since = now
        elif now - self._calm_since >= self._calm:
            self._ease(now)
        self._frames += 1
        looks = self._frames % self.thinned == 0
        self._looked += looks
        return looks

    def _behind(self, now: float) -> None:
        if now - self._last_drop > HICCUP[0] and self._looked - self._looked_then > HICCUP[1]:
            self._first_drop = now
        self._last_drop, self._looked_then, self._calm_since = now, self._looked, now
        if now - self._first_drop < BEHIND or self.thinned == MOST:
            return
        in_vain = now - self._eased < max(SOON, 2 * self._calm)
        self._calm = min(2 * self._calm, MOST_CALM) if in_vain else CALM
        self.thinned *= 2
        self._first_drop = now

    def _ease(self, now: float) -> None:
        self._calm_since = now
        if self.thinned > 1:
            self.thinned //= 2
            self._eased = now
