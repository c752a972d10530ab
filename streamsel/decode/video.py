"""Video files and URLs of files: every frame in presentation order, and any of them again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Self

from av.video.frame import VideoFrame

from streamsel.data import Frame, Mark, Source, fingerprint
from streamsel.decode.fetching import fetched
from streamsel.decode.looking import Looking
from streamsel.decode.picture import VideoPicture
from streamsel.decode.sampling import Box
from streamsel.decode.tape import Tape
from streamsel.decode.walk import Step
from streamsel.errors import SourceError

__all__ = ["VideoDecoder"]


class VideoDecoder:
    """Decodes one video by PyAV.

    crop: part of the upright picture. looking: which frames are yielded. start, end: seconds since the first frame;
    frames from start on and before end are yielded. threads: of the decoder, 0 for as many as there are cores.

    problems: what was wrong in the latest `read`. index_exact: False where frames are not all decoded, by `start` or
    key frames: then the index is the rank of the frame's time among all packets.

    Raises SourceError when the source cannot be opened, holds no picture, or is smaller than the crop.
    """

    seekable = True

    def __init__(
        self,
        source: Source,
        *,
        crop: Box | None = None,
        looking: Looking | None = None,
        start: Fraction | None = None,
        end: Fraction | None = None,
        threads: int = 0,
    ) -> None:
        self.source = source
        self.problems: Counter[str] = Counter()
        self._crop = crop
        self._looking = looking or Looking()
        self._tape = Tape(source, threads=threads, keyframes=self._looking.keyframes, ranked=bool(start))
        self.index_exact = not self._tape.ranked
        self._zero = self._tape.first.pts
        self._first = self._zero + math.ceil((start or 0) / self._tape.time_base)
        self._end = None if end is None else self._zero + math.ceil(end / self._tape.time_base)

    def read(self, after: Mark | None = None) -> Iterator[Frame]:
        """Yield the frames looked at, from the first one or from behind `after`; see `streamsel.decode`."""
        walk = self._tape.after(after, self._check) if after else self._tape.at(self._first - 1)
        self.problems = walk.problems
        try:
            for step in self._within(walk, after):
                picture = self._picture(step.frame)
                check = fingerprint(picture.i420())
                mark = Mark(self.source.id, step.index, step.pts, self._tape.time_base, check)
                yield Frame(mark, picture, step.frame.key_frame)
        finally:
            self._tape.leave(walk.track)

    def fetch(self, marks: Sequence[Mark]) -> Iterator[Frame]:
        """Yield the frames of these marks, by index; see `streamsel.decode`."""
        for mark, frame in fetched(self._tape, marks, self._check):
            yield Frame(mark, self._picture(frame), frame.key_frame)

    def close(self) -> None:
        """Let go of files and threads; what is being read ends."""
        self._tape.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _within(self, steps: Iterator[Step], after: Mark | None) -> Iterator[Step]:
        """The steps that are looked at, between start and end."""
        looked_at = self._looking.gate(self._tape.time_base)
        zero, first, end, keys = self._zero, self._first, self._end, self._looking.keyframes
        before = after.pts - zero if after else None
        for step in steps:
            if end is not None and step.pts >= end:
                return
            time = step.pts - zero
            if step.pts >= first and looked_at(step.index, time, before) and (step.frame.key_frame or not keys):
                yield step
            before = time

    def _check(self, frame: VideoFrame) -> int:
        return fingerprint(self._picture(frame).i420())

    def _picture(self, frame: VideoFrame) -> VideoPicture:
        picture = VideoPicture(frame, round(frame.rotation / 90) * 90, self._crop)
        if self._crop and not picture.holds_crop:
            width, height = picture.whole
            raise SourceError(f"{self.source.id}: the crop {self._crop} leaves the picture of {width} x {height}")
        return picture
