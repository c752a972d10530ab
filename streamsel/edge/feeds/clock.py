"""When a frame of a live source was taken: its stream's own times, brought to the clock on the wall."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from streamsel.data import Mark

__all__ = ["StreamClock", "nanoseconds"]

JUMP: Final = 5.0
"""Seconds by which stream and wall may disagree before it is no delay or drift any more."""

TURN: Final = 2.0
"""Seconds after which a faster way of a frame to us is forgotten: it is known for one turn to two."""

SET_BACK: Final = 60.0
"""Seconds for which time stands still where the wall clock was set back; where it is more, it goes back, too."""

BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(taken: datetime) -> int:
    """Since 1970, as files have it; whole microseconds."""
    return (taken - BEGIN) // timedelta(microseconds=1) * 1_000


class StreamClock:
    """Maps stream times to the clock on the wall, from the first frame on.

    Between its taking and its coming to us lies a delay that is never negative: the frame with the least one in the
    latest 2 to 4 seconds tells how stream and wall stand to each other. So what comes late, in a burst, keeps the time
    at which it was taken, and a stream whose clock goes slow or fast is followed. A jump (a stream that goes back, as
    of a server that began anew or by a wrap of 33 bits; a wall clock that was set) begins anew with that frame.

    No time is earlier than the one before it: where the wall clock is set back by up to a minute, time stands still
    until it has caught up. Where it is set back by more, as one that was years ahead until the network was there, that
    is a jump, and the only one at which times go back. But for that minute none is later than the wall clock's.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.jumps = 0
        """How often it began anew, after the first time."""
        self._now = now
        self._latest = -math.inf  # what was told last
        self._stream = -math.inf  # time of the latest frame by the stream
        self._turned = 0.0
        self._before = self._least = math.inf  # least differences between wall and stream, last turn and this one

    def taken(self, mark: Mark) -> datetime:
        """UTC time at which the frame was taken that comes now."""
        wall, stream = self._now(), mark.time
        apart = wall - stream
        set_back = self._latest - wall > SET_BACK
        if set_back:
            self._latest = -math.inf
        if set_back or self._jumped(stream, apart):
            self.jumps += self._stream > -math.inf
            self._before, self._least, self._turned = math.inf, apart, wall
        elif wall - self._turned >= TURN:
            self._before, self._least, self._turned = self._least, apart, wall
        self._least = min(self._least, apart)
        self._stream = stream
        self._latest = max(self._latest, stream + min(self._before, self._least))
        return datetime.fromtimestamp(self._latest, UTC)

    def _jumped(self, stream: float, apart: float) -> bool:
        usual = min(self._before, self._least)
        return stream < self._stream or abs(apart - usual) > JUMP
