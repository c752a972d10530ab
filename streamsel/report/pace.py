"""How fast a run goes and how long it will still take."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["Pace", "Standing"]

WINDOW = 30.0
"""Seconds over which the pace is taken: long enough to be steady, short enough to follow a slower file."""

SENDING = "delivering"
"""The stage in which what was kept is sent: its frames are records."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a stage stands: frames done of a total that may be unknown, frames kept, frames/s, seconds left.

    word: what the kept ones are called here.
    """

    stage: str
    frames: int
    kept: int
    total: int | None
    rate: float
    left: float | None
    word: str = "kept"

    def figures(self) -> str:
        """For a line: `1,200 of 6,000 frames, 310 frames/s, 14 kept, 0:15 left`; of kept ones only how many went."""
        of = "" if self.total is None else f" of {self.total:,}"
        left = "" if self.left is None else f", {_clock(self.left)} left"
        if self.stage == SENDING:
            return f"{self.frames:,}{of} records sent, {self.rate:,.0f} a second{left}"
        return f"{self.frames:,}{of} frames, {self.rate:,.0f} frames/s, {self.kept:,} {self.word}{left}"


class Pace:
    """Turns counts that come now and then into a Standing. A stage's first count is where it starts, not progress."""

    def __init__(self, word: str = "kept") -> None:
        self._word, self._stage = word, ""
        self._recent: deque[tuple[float, int]] = deque()

    def standing(self, now: float, frames: int, kept: int, stage: str, total: int | None) -> Standing:
        """now: seconds of a clock that never goes back. Times before WINDOW are forgotten."""
        if stage != self._stage:
            self._stage = stage
            self._recent.clear()
        while len(self._recent) > 1 and self._recent[1][0] <= now - WINDOW:
            self._recent.popleft()
        if not self._recent or now - self._recent[-1][0] >= WINDOW / 60:
            self._recent.append((now, frames))
        since, before = self._recent[0]
        rate = max(0, frames - before) / (now - since) if now > since else 0.0
        left = None if total is None or not rate else max(0, total - frames) / rate
        return Standing(stage, frames, kept, total, rate, left, self._word)


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
