"""The loops that `ingest.py` compares, each in a process of its own: `ingest_loops.py LOOP`, a job as JSON on stdin.

bare: a consumer and a producer of kafka-python, which send each tenth record on and commit offsets by poll.
transactions: the same, records and offsets in one transaction. carried: the whole ingest loop with each tenth record a
pick, but for two things: pictures are not decoded, and vectors (1280 numbers) are looked up by the record's number.
bare-model: bare, and each record is decoded and embedded. whole: the ingest loop as `streamsel run` has it.

Prints seconds from the first record in hand to the last commit, those of CPU, and how many records were sent on.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata
from PIL import Image

from streamsel.config import read_pipeline
from streamsel.daemon.metrics import Metrics
from streamsel.data import Frame, Mark
from streamsel.embed.load import load_embedder
from streamsel.embed.window import Shrunk
from streamsel.ingest.building import built
from streamsel.ingest.loop import ingest
from streamsel.ingest.pictures import Opened
from streamsel.ingest.prepared_topics import prepare_topics
from streamsel.lanes.making import Lanes
from streamsel.topic import Finished, Message, Polled
from streamsel.topic.connection import Connection
from streamsel.topic.incoming import Incoming
from streamsel.topic.pick_record import Content

EACH = 10
POLLED = 128


@dataclass
class Job:
    """pipeline: a file. total: records in the topic. picks: where each tenth goes."""

    pipeline: str
    servers: list[str]
    topic: str
    group: str
    picks: str
    total: int


class Clock:
    """Runs from the first record in hand."""

    def __init__(self) -> None:
        self.begun: tuple[float, float] | None = None
        self.seen = self.sent = 0

    def had(self, records: int) -> None:
        if records and self.begun is None:
            self.begun = time.monotonic(), time.process_time()

    def told(self) -> str:
        wall, cpu = self.begun or (0.0, 0.0)
        told = {"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu, "sent": self.sent}
        return json.dumps(told)


def bare(job: Job, look: Callable[[Sequence[bytes]], object] = len) -> str:
    options: dict[str, Any] = {"bootstrap_servers": job.servers}
    clock, producer = Clock(), KafkaProducer(acks="all", **options)
    with closing(_consumer(job)) as consumer, closing(producer):
        while clock.seen < job.total:
            records = _polled(consumer)
            clock.had(len(records))
            look([one.value for one in records])
            futures = [producer.send(job.picks, one.value) for one in records if one.offset % EACH == 0]
            for future in futures:
                future.get(timeout=60)
            if records:
                consumer.commit()
            clock.seen, clock.sent = clock.seen + len(records), clock.sent + len(futures)
        return clock.told()


def transactions(job: Job) -> str:
    clock = Clock()
    producer = KafkaProducer(bootstrap_servers=job.servers, transactional_id=job.group, retry_backoff_ms=5)
    producer.init_transactions()
    with closing(_consumer(job, isolation_level="read_committed")) as consumer, closing(producer):
        while clock.seen < job.total:
            records = _polled(consumer)
            clock.had(len(records))
            if not records:
                continue
            producer.begin_transaction()
            futures = [producer.send(job.picks, one.value) for one in records if one.offset % EACH == 0]
            for future in futures:
                future.get(timeout=60)
            places = {place: OffsetAndMetadata(consumer.position(place), "", -1) for place in consumer.assignment()}
            producer.send_offsets_to_transaction(places, consumer.group_metadata())
            producer.commit_transaction()
            clock.seen, clock.sent = clock.seen + len(records), clock.sent + len(futures)
        return clock.told()


def bare_model(job: Job) -> str:
    config = read_pipeline(Path(job.pipeline))
    embedder = load_embedder(config.model, device="cpu", threads=config.threads)

    def look(values: Sequence[bytes]) -> None:
        pictures = [Image.open(io.BytesIO(value)).convert("RGB").resize(embedder.size) for value in values]
        if pictures:
            embedder.embed(np.stack([np.asarray(one) for one in pictures]))

    return bare(job, look)


def whole(job: Job) -> str:
    return _ingested(job, lambda parts: parts)


def carried(job: Job) -> str:
    config = read_pipeline(Path(job.pipeline))
    embedder = LookedUp(job.total)
    lanes = Lanes(None, embedder, min_distance=0.5)
    return _ingested(
        job, lambda parts: replace(parts, pictures=Unopened(config.input.topic), embedder=embedder, lane=lanes.lane)
    )


LOOPS: dict[str, Callable[[Job], str]] = {
    "bare": bare,
    "transactions": transactions,
    "carried": carried,
    "bare-model": bare_model,
    "whole": whole,
}


class LookedUp:
    """A model whose pictures are a number, of which ten in a row have the same vector."""

    name, dim, size, batch, novelty_distance = "looked up", 1280, (1, 1), 32, 0.5

    def __init__(self, total: int) -> None:
        table = np.random.default_rng(0).normal(size=(total // EACH + 1, self.dim)).astype(np.float32)
        self._table = table / np.linalg.norm(table, axis=1, keepdims=True)

    def embed(self, pictures: Any) -> Any:
        return self._table[pictures.reshape(-1, 3) @ np.array([1, 1 << 8, 1 << 16]) // EACH]


class Unopened:
    """Stands for `Pictures`: a record's number is its picture."""

    def __init__(self, topic: str) -> None:
        self._incoming = Incoming(topic)

    def opened(self, messages: Iterable[Message]) -> Iterator[Opened]:
        for message in messages:
            told, number = self._incoming.carried(message), message.offset
            picture = np.array([number & 255, number >> 8 & 255, number >> 16], np.uint8).reshape(1, 1, 3)
            mark = Mark(told.source, number, round(told.time.timestamp() * 1000), Fraction(1, 1000), 0, told.name)
            frame = Frame(mark, Shrunk(picture, picture), True, told.metadata)
            yield Opened(message, told, frame, picture, Content(message.value or b"", "image/jpeg"))


class Timed:
    """A member that stops the loop when all is committed; it is expected to be the only one."""

    def __init__(self, member: Any, clock: Clock, total: int, stopping: threading.Event) -> None:
        self._member, self._clock, self._total, self._stopping = member, clock, total, stopping
        self._offsets: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._member, name)

    def poll(self, seconds: float, gather: float = 0.0) -> Polled:
        polled: Polled = self._member.poll(seconds, gather)
        self._clock.had(sum(map(len, polled.messages.values())))
        return polled

    def commit(self, finished: Finished) -> None:
        self._member.commit(finished)
        self._clock.sent += len(finished.records)
        self._offsets |= finished.offsets
        if sum(self._offsets.values()) >= self._total:
            self._stopping.set()


def _ingested(job: Job, changed: Callable[[Any], Any]) -> str:
    config, metrics, clock, stopping = read_pipeline(Path(job.pipeline)), Metrics(), Clock(), threading.Event()
    connection = Connection(job.servers)
    prepare_topics(config, connection)
    with built(config, metrics, connection) as parts:
        made = parts.member
        parts = changed(replace(parts, member=lambda: Timed(made(), clock, job.total, stopping)))
        ingest(parts, stopping)
    return clock.told()


def _consumer(job: Job, **options: Any) -> Any:
    return KafkaConsumer(
        job.topic,
        bootstrap_servers=job.servers,
        group_id=job.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=POLLED,
        **options,
    )


def _polled(consumer: Any) -> list[Any]:
    return [one for records in consumer.poll(timeout_ms=1000).values() for one in records]


if __name__ == "__main__":
    print(LOOPS[sys.argv[1]](Job(**json.load(sys.stdin))))
