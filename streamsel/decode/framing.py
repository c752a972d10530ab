"""How decoded frames become Frames: which are looked at, between which times, and which part of the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from av.video.frame import VideoFrame

from streamsel.data import Frame, Mark, fingerprint
from streamsel.decode.failure import failure
from streamsel.decode.looking import Box, Looking
from streamsel.decode.picture import VideoPicture
from streamsel.decode.walk import Step
from streamsel.errors import UsageError

__all__ = ["Framing"]


@dataclass(frozen=True, slots=True)
class Framing:
    """What a user asked of one source.

    zero: pts of its first frame. start, end: seconds since then; frames from start on and before end are yielded.
    crop: part of the upright picture. Raises UsageError when no time lies between start and end.
    """

    source: str
    time_base: Fraction
    zero: int
    looking: Looking
    crop: Box | None = None
    start: Fraction | None = None
    end: Fraction | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"no time lies between start {self.start or 0} and end {self.end} seconds")

    @property
    def first_pts(self) -> int:
        """The earliest pts that is yielded."""
        return self.zero + math.ceil((self.start or 0) / self.time_base)

    def frames(self, steps: Iterator[Step], before: int | None = None) -> Iterator[Frame]:
        """The steps that are looked at, as Frames. before: pts of the frame before the first step, if there is one."""
        looked_at = self.looking.gate(self.time_base)
        zero, first, keyframes = self.zero, self.first_pts, self.looking.keyframes
        end = math.inf if self.end is None else zero + math.ceil(self.end / self.time_base)
        earlier = None if before is None else before - zero
        for step in steps:
            if step.pts >= end:
                return
            time = step.pts - zero
            wanted = step.pts >= first and (step.frame.key_frame or not keyframes)
            if wanted and looked_at(step.index, time, earlier):
                yield self._frame(step)
            earlier = time

    def check(self, frame: VideoFrame) -> int:
        """The fingerprint of a decoded frame."""
        return fingerprint(self.picture(frame).i420())

    def picture(self, frame: VideoFrame) -> VideoPicture:
        """The upright, cropped picture. Raises SourceError when the frame is smaller than the crop."""
        picture = VideoPicture(frame, round(frame.rotation / 90) * 90, self.crop)
        if self.crop is not None and not picture.holds_crop:
            width, height = picture.whole
            raise failure(self.source, f"the crop {self.crop} does not lie inside its {width} x {height} picture")
        return picture

    def again(self, mark: Mark, frame: VideoFrame) -> Frame:
        """The Frame of a mark, of a frame that was fetched."""
        return Frame(mark, self.picture(frame), frame.key_frame)

    def _frame(self, step: Step) -> Frame:
        picture = self.picture(step.frame)
        mark = Mark(self.source, step.index, step.pts, self.time_base, fingerprint(picture.i420()))
        return Frame(mark, picture, step.frame.key_frame)
