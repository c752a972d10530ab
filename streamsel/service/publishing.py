"""Sends the frames of a clip to a topic as a camera would, so that a chain can be tried on one machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Final

from streamsel.config.delivery import read_delivery
from streamsel.data import Frame, Source
from streamsel.decode.open import open_decoder
from streamsel.decode.scan import expected_frames, packet_count
from streamsel.decode.sources import expand
from streamsel.errors import SinkError, SourceError, UsageError
from streamsel.service.pacing import Pacing, Rate, rate_of
from streamsel.sink.names import digits_for, frame_name
from streamsel.sink.picture_file import encode, scaled
from streamsel.topic import Record
from streamsel.topic.address import Address
from streamsel.topic.cloudevent import Event, event_id
from streamsel.topic.publishing import Publisher
from streamsel.topic.security import Security

__all__ = ["FRAME", "Published", "publish"]

FRAME: Final = "streamsel.frame"
"""The event's type."""

QUALITY: Final = 90

Told = Callable[[int, int, int | None], None]
"""Takes frames looked at, records acknowledged, and frames there are in all, where that is known."""


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it. frames: looked at. sent: acknowledged. too_large: left out, above `largest` bytes.

    failed: source -> why. seconds: from the first frame on.
    """

    frames: int
    sent: int
    too_large: int
    largest: int | None
    failed: Mapping[str, str]
    seconds: float


def publish(
    sources: Sequence[str],
    kafka: str,
    *,
    kafka_config: Path | None = None,
    fps: str | None = None,
    key: str | None = None,
    limit: int | None = None,
    loop: bool = False,
    size: int | None = None,
    quality: int | None = None,
    progress: Told = lambda frames, sent, total: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Published:
    """Send each frame of the sources as a JPEG to BROKER/TOPIC, in order, and return when all have arrived.

    kafka_config: file that says how to log in, as for `select`. fps: frames a second, `max`, or None for the clip's own
    rate; a camera's frames are sent as they come. key: of the records, else each source's id. limit: frames at most.
    loop: again and again, names then begin with the number of the round. size: width of the pictures. quality: of the
    JPEG, 1..100, by default 90. Raises UsageError, SourceError when no source can be read, SinkError.
    """
    quality = QUALITY if quality is None else quality
    address, rate = Address.parse(kafka), rate_of(fps)
    if not 1 <= quality <= 100 or min(1 if one is None else one for one in (size, limit)) < 1:
        raise UsageError("--quality is 1 to 100, --size and --limit are 1 or more")
    found = expand(sources)
    if rate == "own" and (still := next((one for one in found if one.kind == "images"), None)):
        raise UsageError(f"{still.id}: pictures have no rate of their own; say --fps F, frames a second, or --fps max")
    security = Security.of(read_delivery(kafka_config).security if kafka_config else {})
    total = None if loop else _total(found, limit)
    shown = _Shown(found, rate, loop, stopping)
    with Publisher(address, security) as publisher:
        run = _Run(publisher, key, size, quality)
        for frame, source, name, epoch in islice(shown, limit):
            run.send(frame, source, name, epoch)
            progress(run.frames, publisher.acknowledged, total)
        publisher.flush()
        progress(run.frames, publisher.acknowledged, total)
    if shown.failed and not run.frames:
        raise SourceError(next(iter(shown.failed.values())))
    return Published(run.frames, publisher.acknowledged, run.too_large, publisher.largest, shown.failed, run.seconds())


class _Shown:
    """Frames of the sources, each when it is due, with its name and what tells its round apart."""

    def __init__(self, sources: Sequence[Source], rate: Rate, loop: bool, stopping: Callable[[], bool]) -> None:
        self.failed: dict[str, str] = {}
        self._sources, self._rate, self._loop, self._stopping = sources, rate, loop, stopping
        self._pacing = Pacing(rate, stopping)

    def __iter__(self) -> Iterator[tuple[Frame, Source, str, str]]:
        for number in count() if self._loop else range(1):
            came = False
            for source in self._sources:
                for one in self._source(source, number):
                    if self._stopping():
                        return
                    came = True
                    yield one
            if not came:
                return

    def _source(self, source: Source, number: int) -> Iterator[tuple[Frame, Source, str, str]]:
        live = source.kind == "live"
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ") if live else ""
        self._pacing.begin()
        try:
            digits = 0 if live else digits_for(_count(source))
            with open_decoder(source) as decoder:
                for frame in decoder.read():
                    if not (live and self._rate == "own"):
                        self._pacing.wait(frame.mark.time)
                    name = frame_name(frame.mark, digits, "jpg", started)
                    yield frame, source, f"{number + 1}/{name}" if number else name, started or str(number)
        except SourceError as error:
            self.failed[source.id] = str(error)


@dataclass(slots=True)
class _Run:
    """Makes records of frames, sends them, and counts."""

    publisher: Publisher
    key: str | None
    size: int | None
    quality: int
    frames: int = 0
    too_large: int = 0
    _began: float = field(default=0.0)

    def send(self, frame: Frame, source: Source, name: str, epoch: str) -> None:
        self._began = self._began or time.monotonic()
        self.frames += 1
        now = datetime.now(UTC)
        record = self._record(frame, source, name, epoch, now)
        if record is None or not self.publisher.takes(record):
            self.too_large += 1
        else:
            self.publisher.send(record, int(now.timestamp() * 1000))

    def seconds(self) -> float:
        """Since the first frame."""
        return time.monotonic() - self._began if self._began else 0.0

    def _record(self, frame: Frame, source: Source, name: str, epoch: str, now: datetime) -> Record | None:
        """None: no JPEG can be so large."""
        mark = frame.mark
        try:
            data = encode(scaled(frame.picture, self.size), "jpg", self.quality)
        except SinkError:
            return None
        event = Event(
            id=event_id(source.id, epoch, mark.pts, "", mark.name),
            source=source.id,
            type=FRAME,
            time=now,
            subject=name,
            content_type="image/jpeg",
            extensions={"index": str(mark.index), "pts": str(mark.pts), "seconds": repr(mark.time)},
        )
        return Record((self.key or source.id).encode(), data, event.headers())


def _total(sources: Sequence[Source], limit: int | None) -> int | None:
    """How many frames there are to send, about; None: that is not known."""
    found = 0
    for source in sources:
        try:
            frames = expected_frames(source)
        except SourceError:
            continue  # told when it is opened
        if frames is None:
            return limit
        found += frames
    return found if limit is None else min(found, limit)


def _count(source: Source) -> int:
    """Frames of a source, as `select` counts them for names."""
    scan = source.kind == "video" and "://" not in source.location
    return packet_count(source) if scan else expected_frames(source) or 0
