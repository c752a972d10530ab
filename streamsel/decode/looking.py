"""Which frames are looked at, and times as users write them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from streamsel.errors import UsageError

__all__ = ["Looking", "seconds"]


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

    @property
    def everything(self) -> bool:
        """Whether no frame is passed over."""
        return self.every == 1 and self.fps is None and not self.keyframes

    def at(self, index: int, time: Fraction, before: Fraction | None) -> bool:
        """Whether the frame `index` at `time` is looked at; `before`: time of the frame just before it, if any.

        Times are in seconds since the first frame. Only the frame before matters, so reading may begin anywhere.
        """
        if self.fps is not None:
            return before is None or time * self.fps // 1 > before * self.fps // 1
        return index % self.every == 0


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
