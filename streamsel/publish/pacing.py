"""At which moments frames are sent: as a camera would take them."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Final, Literal

from streamsel.errors import UsageError

__all__ = ["Pacing", "Rate", "rate_of"]

Rate = Fraction | Literal["own", "max"]
"""Frames a second; `own`: as the times of a source's frames say; `max`: as fast as it goes."""

NAP: Final = 0.1
"""Seconds after which somebody who wants to stop is heard."""

LONGEST_GAP: Final = 10.0
"""Seconds that a jump in a source's times is waited for at most."""


def rate_of(text: str | None) -> Rate:
    """The rate that a text means: `5`, `0.5`, `30000/1001`, `max`; None: `own`. Raises UsageError."""
    if text in (None, "own"):
        return "own"
    if text == "max":
        return "max"
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise UsageError(f"--fps: {text!r} is no rate: write 5, 0.5, 30000/1001 or max")
    return rate


class Pacing:
    """Waits until the next frame is due: never sends early, and after a delay goes on without waiting until it is on
    time again.

    clock: seconds, never going back. stopping: whether to wait no longer.
    """

    def __init__(
        self,
        rate: Rate,
        stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate, self._stopping, self._clock, self._sleep = rate, stopping, clock, sleep
        self._due: float | None = None
        self._time: float | None = None
        self._gap = self._behind = 0.0

    @property
    def behind(self) -> float:
        """Seconds by which the last frame was later than due; 0 where it was not, or none is due."""
        return self._behind

    def begin(self) -> None:
        """The frames that follow are of another source, whose times begin anew."""
        self._time = None

    def wait(self, time: float) -> None:
        """Returns when the next frame is due. time: of the frame in its source, in seconds."""
        if self._rate == "max":
            return
        gap = self._gap_to(time)
        self._due = self._clock() if self._due is None else self._due + gap
        self._behind = max(0.0, self._clock() - self._due)
        while (left := self._due - self._clock()) > 0 and not self._stopping():
            self._sleep(min(left, NAP))

    def _gap_to(self, time: float) -> float:
        """Seconds from the frame before. A source's first frame comes as long after as the one before it did."""
        before, self._time = self._time, time
        if isinstance(self._rate, Fraction):
            return float(1 / self._rate)
        if before is not None:
            self._gap = min(max(time - before, 0.0), LONGEST_GAP)
        return self._gap
