"""Which frames are looked at, and which part of them; times and boxes as users write them. Light to import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from streamsel.errors import UsageError

__all__ = ["Box", "Gate", "Looking", "box", "ending", "seconds"]

Box = tuple[int, int, int, int]
"""Width, height, x, y of a part of a picture, in pixels."""

Gate = Callable[[int, int, int | None], bool]
"""Index, time, time of the frame before -> whether the frame is looked at."""


@dataclass(frozen=True, slots=True)
class Looking:
    """All frames, each `every`-th, `fps` of them a second, or only key frames; at most one of the three is given.

    every: 1 or more. fps: more than 0; the first frame at or after each multiple of 1 / fps seconds, counted from
    the first frame, is looked at, whatever the video's own rate. Raises UsageError.
    """

    every: int = 1
    fps: Fraction | None = None
    keyframes: bool = False

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UsageError(f"--every must be 1 or more, got {self.every}")
        if self.fps is not None and self.fps <= 0:
            raise UsageError(f"--fps must be more than 0, got {self.fps}")
        if (self.every > 1) + (self.fps is not None) + self.keyframes > 1:
            raise UsageError("--every, --fps and --keyframes exclude each other: give one of them")

    def gate(self, time_base: Fraction) -> Gate:
        """A function that tells whether a frame is looked at.

        It takes the frame's index, its time, and the time of the frame just before it (None: there is none), in units
        of `time_base` since the first frame. Only the frame before matters, so reading may begin anywhere.
        """
        if self.fps is not None:
            a_unit = self.fps * time_base
            above, below = a_unit.numerator, a_unit.denominator
            return lambda index, time, before: before is None or time * above // below > before * above // below
        every = self.every
        return lambda index, time, before: index % every == 0


def seconds(text: str) -> Fraction:
    """Seconds from `90`, `90.5`, `1:30` or `00:01:30.5`. Raises UsageError."""
    parts = text.strip().split(":")
    try:
        numbers = [Fraction(part) for part in parts]
    except (ValueError, ZeroDivisionError):
        numbers = []
    if not 1 <= len(numbers) <= 3 or any(number < 0 for number in numbers):
        raise UsageError(f"{text!r} is not a time: write seconds (90.5), minutes (1:30) or hours (00:01:30.5)")
    total = Fraction(0)
    for number in numbers:
        total = total * 60 + number
    return total


def ending(start: Fraction | None, end: Fraction | None, duration: Fraction | None) -> Fraction | None:
    """Where to end, in seconds: at `end`, or `duration` seconds after start where that is earlier; None: nowhere."""
    ends = [end, None if duration is None else (start or 0) + duration]
    return min((one for one in ends if one is not None), default=None)


def box(text: str) -> Box:
    """A part of the picture from `width:height:x:y`, in pixels of the upright picture. Raises UsageError."""
    try:
        width, height, x, y = map(int, text.split(":"))
    except ValueError:
        width, height, x, y = 0, 0, 0, 0
    if width < 1 or height < 1 or x < 0 or y < 0:
        raise UsageError(f"{text!r} is not a part of a picture: write width:height:x:y in pixels, as in 640:360:0:120")
    return width, height, x, y
