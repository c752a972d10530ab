"""Sends the frames of a clip to a topic as a camera would, so that a chain can be tried on one machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote

from streamsel.config.delivery import read_delivery
from streamsel.data import Frame, Source
from streamsel.decode.sources import expand
from streamsel.errors import SinkError, SourceError, UsageError
from streamsel.publish.pacing import Rate, rate_of
from streamsel.publish.showing import Showing, Shown, frames_in_all
from streamsel.sink.picture_file import encode, scaled
from streamsel.topic import Record
from streamsel.topic.address import Address
from streamsel.topic.cloudevent import Event, event_id
from streamsel.topic.connection import Connection
from streamsel.topic.pick_record import URI, part_of
from streamsel.topic.publishing import Publisher
from streamsel.topic.security import Security

__all__ = ["FRAME", "Pictures", "Published", "publish"]

FRAME: Final = "streamsel.frame"
"""The event's type."""

BEHIND: Final = 0.2
"""Seconds that are no delay."""

Told = Callable[[int, int, int | None], None]
"""Takes frames looked at, records acknowledged, and frames there are in all, where that is known."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """How frames become records. key: of the records, else each source's id. size: width. quality: of JPEG, 1..100."""

    key: str | None = None
    size: int | None = None
    quality: int = 90

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise UsageError(f"--quality is 1 to 100, got {self.quality}")
        if self.size is not None and self.size < 1:
            raise UsageError(f"--size is 1 or more, got {self.size}")

    def record(self, shown: Shown, when: datetime) -> Record | None:
        """The record of a frame; None: no JPEG can be so large."""
        data = self._jpeg(shown.frame)
        if data is None:
            return None
        mark = shown.frame.mark
        event = Event(
            id=event_id(mark.source, shown.epoch, mark.pts, "", part_of(mark)),
            source=quote(mark.source, safe=URI),
            type=FRAME,
            time=when,
            subject=shown.name,
            content_type="image/jpeg",
            extensions={"index": str(mark.index), "pts": str(mark.pts), "seconds": repr(mark.time)},
        )
        return Record((self.key or mark.source).encode(), data, event.headers())

    def _jpeg(self, frame: Frame) -> bytes | None:
        try:
            return encode(scaled(frame.picture, self.size), "jpg", self.quality)
        except SinkError:
            return None


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it. frames: looked at. sent: acknowledged. too_large: left out, above `largest` bytes.

    failed: source -> why. seconds: from the first frame on. behind: by so many of them the last one was late.
    """

    frames: int
    sent: int
    too_large: int
    largest: int | None
    failed: Mapping[str, str]
    seconds: float
    behind: float = 0.0

    @property
    def slow(self) -> bool:
        """Whether the rate that was asked for was not reached, by more than a twentieth."""
        return self.behind > max(BEHIND, self.seconds / 20)


def publish(
    sources: Sequence[str],
    kafka: str,
    *,
    kafka_config: Path | None = None,
    fps: str | None = None,
    limit: int | None = None,
    loop: bool = False,
    pictures: Pictures | None = None,
    progress: Told = lambda frames, sent, total: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Published:
    """Send each frame of the sources as a JPEG to BROKER/TOPIC, in order, and return when all have arrived.

    kafka_config: file that says how to log in, as for `select`. fps: frames a second, `max`, or None for the clip's own
    rate; a camera's frames are sent as they come. limit: frames at most. loop: see Showing. Raises UsageError,
    SourceError when no source can be read, SinkError.
    """
    address, rate = Address.parse(kafka), rate_of(fps)
    if limit is not None and limit < 1:
        raise UsageError(f"--limit is 1 or more, got {limit}")
    security = Security.of(read_delivery(kafka_config).security if kafka_config else {})
    found = expand(sources)
    _check_rate(found, rate)
    showing = Showing(found, rate, loop=loop, stopping=stopping)
    in_all = None if loop else frames_in_all(found)
    total = limit if in_all is None else min(in_all, limit or in_all)
    with Publisher(Connection(address.servers, security), address.topic) as publisher:
        run = _Run(publisher, pictures or Pictures())
        for shown in islice(showing, limit):
            run.send(shown)
            progress(run.frames, publisher.acknowledged, total)
        publisher.flush()
        progress(run.frames, publisher.acknowledged, total)
    if showing.failed and not run.frames:
        raise SourceError(next(iter(showing.failed.values())))
    return run.result(showing.failed, showing.behind)


def _check_rate(sources: Sequence[Source], rate: Rate) -> None:
    still = next((source.id for source in sources if source.kind == "images"), None)
    if rate == "own" and still is not None:
        raise UsageError(f"{still}: pictures have no rate of their own; say --fps F, frames a second, or --fps max")


class _Run:
    """Sends frames, and counts."""

    def __init__(self, publisher: Publisher, pictures: Pictures) -> None:
        self._publisher, self._pictures = publisher, pictures
        self.frames = self._too_large = 0
        self._began = time.monotonic()

    def send(self, shown: Shown) -> None:
        """Send a frame, where the topic takes one so large."""
        if not self.frames:
            self._began = time.monotonic()
        self.frames += 1
        now = datetime.now(UTC)
        record = self._pictures.record(shown, now)
        if record is None or not self._publisher.takes(record):
            self._too_large += 1
        else:
            self._publisher.send(record, int(now.timestamp() * 1000))

    def result(self, failed: Mapping[str, str], behind: float) -> Published:
        """The counts, once all has arrived."""
        seconds = time.monotonic() - self._began
        publisher = self._publisher
        counts = (self.frames, publisher.acknowledged, self._too_large)
        return Published(*counts, publisher.largest, failed, seconds, behind)
