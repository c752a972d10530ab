"""Whether a live stream goes on: its frames come as often as they did lately, from one connection."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import Final

from streamsel.embed.window import LIVE_GAP

__all__ = ["Rhythm"]

LATELY: Final = 9
"""Times between frames that tell what is usual."""

MOST: Final = 3.0
"""Times what is usual is a gap, where frames are looked at less than `MOST` times a second."""


class Rhythm:
    """Of one source, over all its connections.

    A stream breaks off with its connection; where its times go back; and where no frame came for LIVE_GAP seconds, as
    `select` has it. But frames may be looked at more slowly than that: key frames of some cameras, few frames a second,
    or few of those since the machine is too slow. So a gap is also more than `MOST` times as long as the median of what
    lay between frames lately.
    """

    def __init__(self) -> None:
        self._started, self._time = "", -math.inf
        self._lately: deque[float] = deque(maxlen=LATELY)

    def breaks(self, time: float, started: str) -> bool:
        """Whether the next frame does not follow the one before. time: of the stream, in seconds. started: see Seen."""
        apart, same = time - self._time, started == self._started
        self._time, self._started = time, started
        if not same or apart < 0:
            return True
        gap = apart > max(LIVE_GAP, MOST * median(self._lately) if self._lately else 0.0)
        self._lately.append(apart)
        return gap
