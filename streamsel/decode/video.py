"""Video files and URLs of files: every frame in presentation order, and any of them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Self

from streamsel.data import Frame, Mark, Source
from streamsel.decode.fetching import fetched
from streamsel.decode.framing import Framing
from streamsel.decode.looking import Box, Looking
from streamsel.decode.tape import Tape
from streamsel.decode.walk import Walk
from streamsel.errors import StreamselError

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
        looking = looking or Looking()
        self.source = source
        self.problems: Counter[str] = Counter()
        self._tape = Tape(source, threads=threads, keyframes=looking.keyframes, ranked=bool(start))
        self.index_exact = not self._tape.ranked
        first = self._tape.first
        try:
            self._framing = Framing(source.id, self._tape.time_base, first.pts, looking, crop, start, end)
            self._framing.picture(first.frame)
        except StreamselError:
            self._tape.close()
            raise

    def read(self, after: Mark | None = None) -> Iterator[Frame]:
        """Yield the frames looked at, from the first one or from behind `after`; see `streamsel.decode`."""
        walk, before = self._walk(after)
        walk.count_problems_in(self.problems)
        try:
            yield from self._framing.frames(walk, before)
        finally:
            self._tape.leave(walk.track)

    def fetch(self, marks: Sequence[Mark]) -> Iterator[Frame]:
        """Yield the frames of these marks, by index; see `streamsel.decode`."""
        yield from fetched(self._tape, marks, self._framing.check, self._framing.again)

    def close(self) -> None:
        """Let go of files and threads; what is being read ends."""
        self._tape.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _walk(self, after: Mark | None) -> tuple[Walk, int | None]:
        """Where to begin, and the pts of the frame before."""
        if after is not None:
            return self._tape.after(after, self._framing.check), after.pts
        return self._tape.at(self._framing.first_pts - 1), None  # a frame earlier: `fps` must know the one before
