"""One segment of video, frame by frame, each with the time on the wall when it was taken."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Final

from streamsel.config.edge_source import EdgeSource
from streamsel.data import Frame, Source
from streamsel.decode.encoded import suffix_of
from streamsel.decode.looking import box
from streamsel.decode.open import open_decoder
from streamsel.decode.scan import count_packets
from streamsel.decode.track import Track
from streamsel.edge import Segment
from streamsel.edge.feeds.masking import Masked
from streamsel.edge.feeds.opening import looking_of
from streamsel.errors import DiskError, SourceError

__all__ = ["SegmentReading", "moment"]

LONGEST: Final = 2 * 24 * 3600
"""Seconds of a segment: a header that says more is wrong."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC) - EPOCH
MICROSECONDS: Final = 1_000_000
BLOCK: Final = 1 << 20


def moment(nanoseconds: int) -> datetime:
    """A file's time as UTC; what a damaged file system says is put between 1970 and 9999."""
    return EPOCH + timedelta(microseconds=min(max(nanoseconds // 1000, 0), LATEST // timedelta(microseconds=1)))


class SegmentReading:
    """Reads segments as the source wants them looked at. threads: of the decoder. stopped: asked now and then.

    problems: what was wrong with the segment that was read last. suffix: of clips of it, see `suffix_of`.
    """

    def __init__(self, folder: Path, source: EdgeSource, threads: int, stopped: Callable[[], bool]) -> None:
        self.problems: Counter[str] = Counter()
        self.suffix = ""
        self._folder, self._name, self._threads, self._stopped = folder, source.name, threads, stopped
        self._looking = looking_of(source)
        self._crop = box(source.crop) if source.crop else None
        self._mask = [box(part) for part in source.mask]

    def frames(self, segment: Segment) -> Generator[tuple[Frame, datetime], None, None]:
        """Frames that are looked at, and when they were taken.

        Raises SourceError behind the frames before for what is wrong with the segment; OSError where that is the fault
        of what it lies on; UsageError where the mask leaves nothing of it.
        """
        source = self._source(segment)
        self.problems = Counter()
        try:
            yield from self._decoded(source, segment)
        except DiskError as error:
            raise OSError(errno.ESTALE, str(error)) from None
        except SourceError:
            self._read_through(source)
            raise

    def span(self, segment: Segment) -> tuple[datetime, timedelta]:
        """When its first frame was taken, and how long it lasted: it was written to until it ended.

        0 where that is not known. Raises OSError where that is the fault of what it lies on.
        """
        try:
            lasted, self.suffix = _header(self._source(segment))
        except DiskError as error:
            raise OSError(errno.ESTALE, str(error)) from None
        end = moment(segment.modified)
        return end - min(lasted, end - EPOCH), lasted

    def _source(self, segment: Segment) -> Source:
        return Source(f"{self._name}/{segment.name}", str(self._folder / segment.name))

    def _decoded(self, source: Source, segment: Segment) -> Generator[tuple[Frame, datetime], None, None]:
        checked = False
        with open_decoder(source, crop=self._crop, looking=self._looking, threads=self._threads) as decoder:
            self.problems, zero, (begin, lasted) = decoder.problems, None, self.span(segment)
            for frame in decoder.read():
                if decoder.problems and not checked:
                    checked = True
                    self._read_through(source)
                time = frame.mark.pts * frame.mark.time_base
                if zero is None and self._mask:
                    Masked(frame.picture, self._mask).check()
                zero = time if zero is None else zero
                yield self._masked(frame), begin + min(_seconds(time - zero), lasted)
        if decoder.problems and not checked:
            self._read_through(source)

    def _masked(self, frame: Frame) -> Frame:
        return replace(frame, picture=Masked(frame.picture, self._mask)) if self._mask else frame

    def _read_through(self, source: Source) -> None:
        """Damage is believed only of what the disk gives as a whole. Raises OSError where it does not."""
        with suppress(FileNotFoundError), Path(source.location).open("rb", buffering=0) as file:
            while file.read(BLOCK) and not self._stopped():
                pass


def _seconds(time: Fraction) -> timedelta:
    """Times that jump in a segment stay in it."""
    return timedelta(seconds=float(min(max(time, Fraction(0)), Fraction(LONGEST))))


def _header(source: Source) -> tuple[timedelta, str]:
    """How long it is, and `suffix_of` it; 0 and empty where that is not known. Raises DiskError.

    Its duration is what the container says, else from the first packet's time to the last one's.
    """
    try:
        with closing(Track(source.location, source.id, threads=1)) as track:
            suffix = suffix_of(track.stream)
            stream, whole = track.stream, getattr(track.stream.container, "duration", 0)
            told = (stream.duration or 0) * (stream.time_base or Fraction(0)) or Fraction(whole or 0, MICROSECONDS)
            if not 0 < told <= LONGEST:
                times = count_packets(source).pts
                told = int(times[-1] - times[0]) * (stream.time_base or Fraction(0)) if len(times) else Fraction(0)
    except DiskError:
        raise
    except SourceError:
        return timedelta(0), ""
    return timedelta(seconds=float(told)) if 0 < told <= LONGEST else timedelta(0), suffix
