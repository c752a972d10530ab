"""How a run opens its sources: which part of them, which frames, which part of the picture."""

from __future__ import annotations

from fractions import Fraction

from streamsel.config import SelectConfig
from streamsel.data import Source
from streamsel.decode import Decoder
from streamsel.decode.looking import Box, Looking, ending, seconds
from streamsel.decode.open import open_decoder
from streamsel.decode.scan import expected_frames
from streamsel.errors import UsageError

__all__ = ["Opener"]


class Opener:
    """Opens sources with the run's options, and states the facts by which their frames are counted and named."""

    def __init__(self, config: SelectConfig) -> None:
        fps = _rate(config.fps) if config.fps else None
        self._crop = _box(config.crop) if config.crop else None
        self._looking = Looking(config.every or 1, fps, config.keyframes)
        times = [seconds(time) if time else None for time in (config.start, config.end, config.duration)]
        self._start, self._end, self._duration = times
        _check_times(config, *times)

    def open(self, source: Source) -> Decoder:
        """A decoder for the source."""
        return open_decoder(
            source,
            crop=self._crop,
            looking=self._looking,
            start=self._start,
            end=self._end,
            duration=self._duration,
        )

    def expected(self, source: Source) -> int | None:
        """At most about how many frames will be looked at; None where there is no end. Raises SourceError."""
        end = ending(self._start, self._end, self._duration)
        return expected_frames(source, self._start, end, self._looking)


def _check_times(config: SelectConfig, start: Fraction | None, end: Fraction | None, duration: Fraction | None) -> None:
    """Raises UsageError where no time is left to look at."""
    if duration == 0:
        raise UsageError(f"--duration {config.duration}: that is no time at all; give more than 0")
    if end is not None and end <= (start or 0):
        raise UsageError(f"--end {config.end}: must be later than --start {config.start or 0}")


def _rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--fps: {text!r} is no rate: write 5, 0.5 or 30000/1001") from None


def _box(text: str) -> Box:
    parts = text.split(":")
    if len(parts) != 4 or not all(part.isdecimal() for part in parts) or "0" in (parts[0], parts[1]):
        raise UsageError(f"--crop: {text!r} is no rectangle: write W:H:X:Y in pixels, as in 640:480:0:80")
    width, height, x, y = map(int, parts)
    return width, height, x, y
