"""Frames of sources, each when it is due, with a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from streamsel.data import Frame, Source
from streamsel.decode.open import open_decoder
from streamsel.decode.scan import expected_frames, packet_count
from streamsel.errors import SourceError
from streamsel.publish.pacing import Pacing, Rate
from streamsel.sink.names import digits_for, frame_name

__all__ = ["Showing", "Shown", "frames_in_all"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame that is due. name: relative path, as of its picture. epoch: tells apart what has the same pts."""

    frame: Frame
    name: str
    epoch: str


class Showing:
    """Goes through the sources, one after the other. `failed`: source -> why it could not be read, so far.

    loop: again and again, as long as something comes; names then begin with the number of the round, from `2/` on. A
    camera's frames come as it sends them, unless a rate is given. stopping: whether to end.
    """

    def __init__(self, sources: Sequence[Source], rate: Rate, *, loop: bool, stopping: Callable[[], bool]) -> None:
        self.failed: dict[str, str] = {}
        self._sources, self._rate, self._loop, self._stopping = sources, rate, loop, stopping
        self._pacing = Pacing(rate, stopping)

    @property
    def behind(self) -> float:
        """See Pacing."""
        return self._pacing.behind

    def __iter__(self) -> Iterator[Shown]:
        for number in count(1) if self._loop else (1,):
            came = False
            for shown in self._round(number):
                came = True
                yield shown
            if not came or self._stopping():
                return

    def _round(self, number: int) -> Iterator[Shown]:
        for source in self._sources:
            try:
                for shown in self._source(source, number):
                    if self._stopping():
                        return
                    yield shown
            except SourceError as error:
                self.failed[source.id] = str(error)

    def _source(self, source: Source, number: int) -> Iterator[Shown]:
        live = source.kind == "live"
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ") if live else ""
        digits = 0 if live else digits_for(_numbered(source))
        round_ = f"{number}/" if number > 1 else ""
        self._pacing.begin()
        with open_decoder(source) as decoder:
            for frame in decoder.read():
                if not live or self._rate != "own":
                    self._pacing.wait(frame.mark.time)
                name = frame_name(frame.mark, digits, "jpg", started)
                yield Shown(frame, round_ + name, started or str(number))


def frames_in_all(sources: Sequence[Source]) -> int | None:
    """About how many frames there are to show once; None: nobody knows."""
    found = 0
    for source in sources:
        try:
            frames = expected_frames(source)
        except SourceError:
            continue  # told when it is opened
        if frames is None:
            return None
        found += frames
    return found


def _numbered(source: Source) -> int:
    """Frames of a source, as `select` counts them for names."""
    scan = source.kind == "video" and "://" not in source.location
    return packet_count(source) if scan else expected_frames(source) or 0
