"""Video files and URLs of files: every frame in presentation order, and any of them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Self

from av.video.frame import VideoFrame

from streamsel.data import Frame, Mark, Source, fingerprint
from streamsel.decode.looking import Looking
from streamsel.decode.picture import VideoPicture
from streamsel.decode.sampling import Box
from streamsel.decode.track import Track
from streamsel.errors import SourceError

__all__ = ["VideoDecoder"]


class VideoDecoder:
    """Decodes one video by PyAV. Raises SourceError when it cannot be opened or holds no picture."""

    seekable = True

    def __init__(
        self, source: Source, *, looking: Looking | None = None, crop: Box | None = None, threads: int = 0
    ) -> None:
        self.source = source
        self.problems: Counter[str] = Counter()
        self._looking = looking or Looking()
        self._crop = crop
        self._threads = threads
        self._tracks: list[Track] = []
        self._origin = self._probe()

    def read(self, after: Mark | None = None) -> Iterator[Frame]:
        """See the contract in `streamsel.decode`."""
        before: Fraction | None = None
        for index, pts, frame in self._walk():
            time = (pts - self._origin) * self._time_base
            if (after is None or index > after.index) and self._looking.at(index, time, before):
                yield self._frame(index, pts, frame)
            before = time

    def fetch(self, marks: Sequence[Mark]) -> Iterator[Frame]:
        """See the contract in `streamsel.decode`."""
        wanted = {mark.index: mark for mark in marks}
        last = max(wanted, default=-1)
        for index, pts, decoded in self._walk():
            if index > last:
                break
            if index in wanted:
                frame = self._frame(index, pts, decoded)
                if wanted[index].check not in (0, frame.mark.check):
                    raise SourceError(f"{self.source.id}: the file changed; run again with --fresh")
                yield frame

    def close(self) -> None:
        """Let go of files and threads."""
        for track in self._tracks:
            track.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _probe(self) -> int:
        for _, pts, _ in self._walk():
            return pts
        raise SourceError(f"{self.source.id}: no picture could be decoded; leave it out or copy it again")

    def _walk(self) -> Iterator[tuple[int, int, VideoFrame]]:
        track = Track(self.source.location, self.source.id, threads=self._threads, keyframes=self._looking.keyframes)
        self._tracks.append(track)
        self._time_base = track.stream.time_base or Fraction(1, 1000)
        last = -1
        try:
            for index, frame in enumerate(track.frames()):
                last = frame.pts if frame.pts is not None else last + 1
                yield index, last, frame
        finally:
            self.problems = track.problems
            self._tracks.remove(track)
            track.close()

    def _frame(self, index: int, pts: int, frame: VideoFrame) -> Frame:
        picture = VideoPicture(frame, round(frame.rotation / 90) * 90, self._crop)
        mark = Mark(self.source.id, index, pts, self._time_base, fingerprint(picture.i420()))
        return Frame(mark, picture, frame.key_frame)
