"""`streamsel check` of an edge pipeline: each source, the model, the folders and the brokers are tried."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamsel.choosing.finding import Finding, away, fine, listed, note, problem
from streamsel.config import EdgeConfig
from streamsel.config.edge import EdgeKafka, EdgeMqtt
from streamsel.config.edge_source import EdgeSource
from streamsel.daemon.checked_places import page_findings, written_findings
from streamsel.daemon.checked_selection import model_findings, rows_of
from streamsel.decode.container import NO_FORMAT, is_format
from streamsel.decode.looking import box
from streamsel.edge import Begin, Segment
from streamsel.edge.building import STATE
from streamsel.edge.feeds.masking import Masked
from streamsel.edge.feeds.opening import opened
from streamsel.edge.feeds.segment_reading import SegmentReading
from streamsel.edge.feeds.watching import Watched
from streamsel.edge.parts import Lanes
from streamsel.edge.process.memory_limit import Needs, refusal
from streamsel.edge.process.spill import scarce
from streamsel.edge.source_lanes import source_lanes
from streamsel.errors import AwayError, SourceError, StreamselError, UsageError
from streamsel.lanes.lane import FACTS
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.store.entries import peeked
from streamsel.store.sqlite_file import in_use

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection
    from streamsel.topic.topics import Topic

__all__ = ["edge_findings"]

PATIENCE: Final = 10.0
"""Seconds that a broker gets to answer."""

STEP: Final = 0.05


AT_ONCE: Final = 16
"""Sources that are tried at the same time: of those that are away each takes ten seconds."""


def edge_findings(config: EdgeConfig, trying: Callable[[str], None] = lambda what: None) -> Iterator[Finding]:
    """All findings, as they come. Nothing is changed, and nothing sent. trying: told of what may take long, before."""
    trying(f"sources: {listed([source.name for source in config.sources])}")
    places = [f"sources[{place}] {source.name}" for place, source in enumerate(config.sources)]
    with ThreadPoolExecutor(AT_ONCE) as several:
        yield from several.map(_source, places, config.sources)
    yield from written_findings("state", config.state)
    yield from _state(config.state)
    if reason := scarce(config.state, Needs.of(config).disk):
        yield note("state", reason)
    yield from written_findings("output.folder", config.output.folder)
    trying(f"model: {config.model}")
    lanes = yield from model_findings(config, partial(source_lanes, config), lambda model: f": {rows_of(config)}")
    yield from _unpredicted(config) if lanes else ()
    yield from _refused(config.state, lanes or ())
    if wrong := refusal(config.memory_limit, Needs.of(config)):
        yield problem("memory_limit", wrong)
    yield from _couriers(config, trying)
    if config.metrics is not None:
        yield from page_findings(config.metrics)


def _state(folder: Path) -> Iterator[Finding]:
    try:
        if in_use(folder / STATE):
            yield problem("state", f"{folder}: another process works on it; end that one, or name another folder")
    except OSError as error:
        yield problem("state", f"{folder / STATE}: cannot be read ({error.strerror}); give this user the right to")


def _unpredicted(config: EdgeConfig) -> Iterator[Finding]:
    """Folders in which objects of a source's frames are looked for, which are not there: perhaps of another name."""
    task = config.rules.worker.object_level.task_name
    if not task or config.lightly is None or task in {one.name for one in config.rules.auto_tasks}:
        return
    folder = LightlyFolder.named(config.lightly).path / "predictions" / task
    for source in config.sources:
        if not (folder / source.name).is_dir():
            where = f"{folder / source.name}: there is no such folder, so no object of {source.name} is known"
            yield note("lightly", f"{where}; its frames are called {source.name}/SEGMENT-FRAME-EXT")


def _refused(folder: Path, lanes: Lanes) -> Iterator[Finding]:
    """State of the sources that is not gone on with."""
    held = peeked(folder / STATE, FACTS)
    for place, (name, make) in enumerate(lanes):
        if name in held and (reason := make(place, {}).refusal(held[name])):
            yield problem("state", reason)


def _source(place: str, source: EdgeSource) -> Finding:
    if source.folder is not None:
        return _folder(place, source, source.folder)
    if source.pipe is not None:
        if not is_format(source.pipe):
            return problem(place, f"pipe: {source.pipe!r} {NO_FORMAT}")
        return note(place, f"standard input is read when it runs, as {source.pipe}")
    return _camera(place, source)


def _folder(place: str, source: EdgeSource, folder: Path) -> Finding:
    try:
        return _folder_there(place, source, folder)
    except PermissionError as error:
        return problem(place, f"{folder}: cannot be reached ({error.strerror}); ask for the right to")
    except OSError as error:
        return away(place, f"{folder}: {error.strerror or error}")


def _folder_there(place: str, source: EdgeSource, folder: Path) -> Finding:
    """Raises OSError where a folder, or one above it, does not answer."""
    if folder.is_dir():
        if os.access(folder, os.R_OK | os.X_OK):
            if source.mask and (wrong := _wrong_mask(source, folder)):
                return problem(place, wrong)
            return fine(place, f"{folder}: can be read")
        return problem(place, f"{folder}: cannot be read; ask for the right to")
    if folder.exists():
        return problem(place, f"{folder}: is no folder; name the one that segments are put in")
    return away(place, f"{folder}: there is no such folder; is it mounted, or not made yet?")


def _wrong_mask(source: EdgeSource, folder: Path) -> str:
    """What is wrong with a mask, as the first segment shows that there is; empty: nothing, or it does not show."""
    try:
        for found in Watched(folder, Begin(), quiet=0, old=0).scan()[:1]:
            segment = Segment(0, found.name, found.size, found.modified)
            with closing(SegmentReading(folder, source, 1, lambda: False).frames(segment)) as frames:
                next(frames, None)
    except UsageError as error:
        return str(error)
    except (OSError, StreamselError):
        return ""
    return ""


def _camera(place: str, source: EdgeSource) -> Finding:
    """Of one that sends pictures: how large, and how long the first took."""
    began = time.monotonic()
    try:
        with opened(source, threads=1) as decoder:
            frame = next(iter(decoder.read()))
            masked = Masked(frame.picture, [box(part) for part in source.mask])
            masked.check()
            size = f"{frame.picture.width} x {frame.picture.height}"
    except AwayError as error:
        return away(place, str(error).removeprefix(f"{source.name}: "))
    except StreamselError as error:
        return problem(place, str(error).removeprefix(f"{source.name}: "))
    except StopIteration:
        return away(place, "sends no picture")
    if masked.idle:
        return note(place, f"{size}: a part of the mask lies outside of that and hides nothing; correct it")
    return fine(place, f"{size}, the first picture after {time.monotonic() - began:.1f} s")


def _couriers(config: EdgeConfig, trying: Callable[[str], None]) -> Iterator[Finding]:
    if config.mqtt is not None:
        trying(f"mqtt: {config.mqtt.server}")
        yield _mqtt(config.mqtt)
    if config.kafka is not None:
        trying(f"kafka: {listed(config.kafka.servers)}")
        yield from _kafka(config.kafka)


def _mqtt(config: EdgeMqtt) -> Finding:
    from streamsel.edge.telling.mqtt import MqttDelivery

    try:
        courier = MqttDelivery(config, f"check{os.getpid()}")
    except StreamselError as error:
        return problem("mqtt", str(error).removeprefix("mqtt: "))
    courier.start()
    deadline = time.monotonic() + PATIENCE
    while not (courier.ready or courier.trouble) and time.monotonic() < deadline:
        time.sleep(STEP)
    trouble = "" if courier.ready else courier.trouble or f"{config.server}: does not answer"
    courier.close()
    if trouble:
        passes = courier.passes or not courier.trouble
        return (away if passes else problem)("mqtt", trouble.removeprefix("mqtt "))
    return fine("mqtt", f"{config.server}: lets this device in")


def _kafka(config: EdgeKafka) -> Iterator[Finding]:
    from streamsel.topic.connection import Connection
    from streamsel.topic.explaining import explained, lasting, missing
    from streamsel.topic.security import Security

    try:
        connection = Connection(config.servers, Security.of(config.security), wait=PATIENCE)
        with explained(",".join(config.servers), SourceError):
            yield from _topics(connection, config)
    except StreamselError as error:
        yield (problem if lasting(error) or missing(error) else away)("kafka", str(error))


def _topics(connection: Connection, config: EdgeKafka) -> Iterator[Finding]:
    """On the topic, and on what sending each record once takes beside it: see `streamsel.topic.markers`."""
    from streamsel.topic import inquiry
    from streamsel.topic.markers import MARKERS

    topic, markers = inquiry.topic(connection, config.topic), f"{config.topic}{MARKERS}"
    if topic is None:
        yield problem("kafka.topic", f"{config.topic}: no such topic; create it, or check its name")
        return
    yield from _topic(topic, config.inline_limit)
    if (beside := inquiry.topic(connection, markers)) is None:
        inquiry.unmade(connection, markers, 1, compacted=True)
    elif beside.largest is not None and not beside.compacted:
        yield problem("kafka.topic", f"{markers}: would forget what was sent; set its cleanup.policy to compact")
    elif beside.rights and not {"READ", "WRITE"} <= beside.rights:
        yield problem("kafka.topic", f"{markers}: not allowed to read and write it; ask for the rights READ and WRITE")
    inquiry.check_transactions(connection, f"streamsel.check{os.getpid()}")


def _topic(topic: Topic, inline_limit: int) -> Iterator[Finding]:
    """Of one that is there: what it takes of what is sent."""
    share = "1 partition" if topic.partitions == 1 else f"{topic.partitions} partitions"
    if topic.rights and "WRITE" not in topic.rights:
        yield problem("kafka.topic", f"{topic.name}: not allowed to write it; ask for the right WRITE")
    else:
        yield fine("kafka.topic", f"{topic.name}: {share}")
    if topic.largest is not None and topic.largest < inline_limit:
        told = f"{topic.name}: takes records of {topic.largest} bytes at most"
        yield note("kafka.inline_limit", f"{told}; larger pictures are referred to, as those above the limit")
