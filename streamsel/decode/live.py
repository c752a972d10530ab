"""Cameras, pipes and other live streams: frames as they come, no way back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Self
from urllib.parse import urlsplit

from streamsel.data import Frame, Mark, Source
from streamsel.decode.container import TIMEOUTS
from streamsel.decode.encoded import Listener, Tap
from streamsel.decode.failure import away, failure
from streamsel.decode.framing import Framing
from streamsel.decode.looking import Box, Looking
from streamsel.decode.sources import LIVE_SCHEMES
from streamsel.decode.track import Track
from streamsel.decode.walk import Step, Walk
from streamsel.errors import StreamselError

__all__ = ["LiveDecoder"]

RTSP = {"rtsp_transport": "tcp", "allowed_media_types": "video"}
OPTIONS = {"rtsp": RTSP, "rtsps": RTSP}
"""libav's options by scheme: over UDP, cameras lose packets as soon as the network is busy; sound is not asked for."""


class LiveDecoder:
    """Reads a live stream from where it is when opened; a second `read` goes on where the first one stopped.

    index: counted from 0, or from behind `after`. pts: as the stream says. start, end: seconds of stream time since
    the first frame. crop, looking, threads: as in VideoDecoder; with key frames only those are counted, and
    index_exact is False. timeouts: seconds that it may take to open, and to send more. container: libav's name of the
    format, which is then not guessed: `v4l2` for a camera of this machine, whose location is its device file, or any
    other, as `mpegts` or `h264`, for standard input, whose location is `-`. The frames of a stream without times of its
    own, as of bare H.264 and of many web cameras, have those at which they come, counted from the opening. packets: is
    told of each packet, whether it is decoded or not, with times as those of the frames.

    Raises SourceError when the stream cannot be opened, sends no picture, or a smaller one than the crop; and, after
    what came, when it is lost or ends: a camera that hangs up looks no different from a cut cable. Standard input, and
    what comes by HTTP, just end.
    """

    seekable = False

    def __init__(
        self,
        source: Source,
        *,
        crop: Box | None = None,
        looking: Looking | None = None,
        start: Fraction | None = None,
        end: Fraction | None = None,
        threads: int = 0,
        timeouts: tuple[float, float] = TIMEOUTS,
        container: str = "",
        packets: Listener | None = None,
    ) -> None:
        looking = looking or Looking()
        self.source = source
        self.index_exact = not looking.keyframes
        self.latest = time.monotonic()
        """When the latest picture came, whether it is looked at or not: with key frames, of these."""
        self._scheme = urlsplit(source.location).scheme.lower()
        self._track = Track(
            source.location,
            source.id,
            threads=threads,
            keyframes=looking.keyframes,
            options=OPTIONS.get(self._scheme, {}),
            timeouts=timeouts,
            container=container,
        )
        self._track.leave_out_others()
        time_base = self._track.stream.time_base or Fraction(1, 1000)
        clock = None if self._track.has_times else _Clock(time_base)
        if packets is not None:
            self._track.tap = Tap(self._track.stream, packets, clock)
        self.problems: Counter[str] = self._track.problems
        self._walk = Walk(self._track)
        try:
            first = self._first()
            zero = clock() if clock else first.pts
            self._framing = Framing(source.id, time_base, zero, looking, crop, start, end)
            self._framing.picture(first.frame)
        except StreamselError:
            self.close()
            raise
        steps = _as_they_come(self._walk, clock) if clock else self._walk
        self._steps = self._noted(steps)

    def read(self, after: Mark | None = None) -> Iterator[Frame]:
        """Yield the frames looked at, as they come; see `streamsel.decode`."""
        if after is not None:
            self._walk.count_from(after.index + 1)
        yield from self._framing.frames(self._steps)
        if self._track.ended and self._scheme in LIVE_SCHEMES:
            raise away(self.source.id, "the stream ended", "; run again if it should go on")

    def fetch(self, marks: Sequence[Mark]) -> Iterator[Frame]:
        """Raise SourceError: what has passed is gone."""
        raise failure(self.source.id, f"a live stream cannot go back to {len(marks)} frames; keep their pictures")

    def close(self) -> None:
        """Hang up; what is being read ends."""
        self._track.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _noted(self, steps: Iterable[Step]) -> Iterator[Step]:
        for step in steps:
            self.latest = time.monotonic()
            yield step

    def _first(self) -> Step:
        """The first step, which is read again."""
        step = next(self._walk, None)
        if step is None:
            raise away(self.source.id, "sent no picture; check the stream in a player")
        self._walk.push(step)
        return step


class _Clock:
    """Time since it was made, in time-base units."""

    def __init__(self, time_base: Fraction) -> None:
        self._begun, self._time_base = time.monotonic(), time_base

    def __call__(self) -> int:
        return round((time.monotonic() - self._begun) / self._time_base)


def _as_they_come(steps: Iterable[Step], clock: _Clock) -> Iterator[Step]:
    """The steps with times of this machine's clock."""
    pts = -1
    for step in steps:
        pts = max(pts + 1, clock())
        yield replace(step, pts=pts)
