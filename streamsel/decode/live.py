"""Cameras and other live streams: frames as they come, no way back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Self
from urllib.parse import urlsplit

from streamsel.data import Frame, Mark, Source
from streamsel.decode.failure import failure
from streamsel.decode.framing import Framing
from streamsel.decode.looking import Box, Looking
from streamsel.decode.sources import LIVE_SCHEMES
from streamsel.decode.track import TIMEOUTS, Track
from streamsel.decode.walk import Walk

__all__ = ["LiveDecoder"]

OPTIONS = {"rtsp": {"rtsp_transport": "tcp"}, "rtsps": {"rtsp_transport": "tcp"}}
"""libav's options by scheme: over UDP, cameras lose packets as soon as the network is busy."""


class LiveDecoder:
    """Reads a live stream from where it is when opened; a second `read` goes on where the first one stopped.

    index: counted from 0, or from behind `after`. pts: as the stream says. start, end: seconds of stream time since
    the first frame. crop, looking, threads: as in VideoDecoder; with key frames only those are counted, and
    index_exact is False. timeouts: seconds that it may take to open, and to send more.

    Raises SourceError when the stream cannot be opened or sends no picture; and, after what came, when it is lost or
    ends: a camera that hangs up looks no different from a cut cable.
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
    ) -> None:
        looking = looking or Looking()
        self.source = source
        self.index_exact = not looking.keyframes
        self._scheme = urlsplit(source.location).scheme.lower()
        self._track = Track(
            source.location,
            source.id,
            threads=threads,
            keyframes=looking.keyframes,
            options=OPTIONS.get(self._scheme, {}),
            timeouts=timeouts,
        )
        self.problems: Counter[str] = self._track.problems
        self._walk = Walk(self._track)
        time_base = self._track.stream.time_base or Fraction(1, 1000)
        self._framing = Framing(source.id, time_base, self._first_pts(), looking, crop, start, end)

    def read(self, after: Mark | None = None) -> Iterator[Frame]:
        """Yield the frames looked at, as they come; see `streamsel.decode`."""
        if after is not None:
            self._walk.count_from(after.index + 1)
        yield from self._framing.frames(self._walk)
        if self._track.ended and self._scheme in LIVE_SCHEMES:
            raise failure(self.source.id, "the stream ended; run again if it should go on")

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

    def _first_pts(self) -> int:
        step = next(self._walk, None)
        if step is None:
            self.close()
            raise failure(self.source.id, "sent no picture; check the stream in a player")
        self._walk.push(step)
        return step.pts
