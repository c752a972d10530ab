"""A pipeline to try out: a model that takes no time, small pictures, what must be picked, the service as a process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaProducer

from streamsel.config import read_pipeline
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.ingest.pictures import Opened, Pictures
from streamsel.lanes.lane import Taken
from streamsel.lanes.making import Lanes
from streamsel.service.running import run
from streamsel.testing.ingest_material import small_pictures, tiny_model
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_reading import committed, group_offsets, header
from streamsel.testing.service_process import Running
from streamsel.topic import Message
from streamsel.topic.incoming import Incoming
from streamsel.topic.references import References

PARTITIONS = 4
PATIENCE = 60.0

PIPELINE = """
kind: ingest
input: {{servers: "{servers}", topic: {name}, group: {name}, instance: {instance}, largest: 1MB, session: 6{reading}}}
model: tiny.onnx
device: cpu
min_distance: {distance}
output: {output}
batch: {{records: {records}, seconds: 0.02, bytes: 8MB}}
{more}
"""


def pictures(number: int, *, scene: int = 10, seed: int = 0) -> list[bytes]:
    """See `small_pictures`."""
    return [one.value or b"" for one in small_pictures(number, scene=scene, seed=seed)]


@dataclass
class Pipeline:
    """Topics of its own on a broker, and a pipeline file beside a model.

    records: of a batch. more: lines of the file. output: in place of the topic of picks. reading: more of its input.
    """

    broker: Served
    name: str
    folder: Path
    instance: str = "a"
    records: int = 32
    more: str = ""
    output: str = ""
    reading: str = ""
    distance: float = 0.3
    sent: dict[int, list[Message]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.picks, self.dead = f"{self.name}.picks", f"{self.name}.dlq"
        tiny_model(self.folder)
        self.broker.create(self.name, PARTITIONS, max_message_bytes=30_000_000)
        self.file()

    def file(self, instance: str | None = None, more: str | None = None) -> Path:
        """The pipeline file of an instance; empty: one without a name."""
        instance = self.instance if instance is None else instance
        text = PIPELINE.format(
            servers=",".join(self.broker.servers),
            name=self.name,
            instance=instance or "null",
            output=self.output or f"{{topic: {self.picks}}}",
            records=self.records,
            reading=self.reading,
            distance=self.distance,
            more=self.more if more is None else more,
        )
        path = self.folder / f"ingest-{instance or 'nobody'}.yaml"
        path.write_text(text)
        return path

    def send(self, values: Iterable[bytes], headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Records in turn to each partition; remembers them."""
        producer = KafkaProducer(bootstrap_servers=list(self.broker.open_servers), max_request_size=40_000_000)
        futures = []
        for value in values:
            place = sum(map(len, self.sent.values())) % PARTITIONS
            key = f"camera-{place}".encode()
            own = self.sent.setdefault(place, [])
            own.append(Message(place, len(own), key, value, tuple(headers), 0))
            futures.append(producer.send(self.name, value, key=key, headers=list(headers), partition=place))
        for future in futures:
            future.get(timeout=30)
        producer.close()

    def expected(self) -> set[str]:
        """Names of what one thread picks that takes each partition record by record."""
        config = read_pipeline(self.file())
        embedder = load_embedder(config.model, device="cpu")
        lanes = Lanes(None, embedder, min_distance=config.min_distance, named=config.identity())
        folder, largest = config.input.references, config.input.largest
        references = None if folder is None else References(folder, largest=largest)
        found = set()
        with Pictures(Incoming(self.name, largest=largest), embedder.size, references=references) as opening:
            for partition, messages in self.sent.items():
                lane = lanes.lane(partition)
                for one in opening.opened(messages):
                    if isinstance(one, Opened) and lane.take([_taken(one, embedder)])[0]:
                        found.add(one.frame.mark.name)
        return found

    def found(self) -> list[str]:
        """Names of the picks that a reader of committed records sees, in the order of their topic."""
        return [header(record, "ce_subject") for record in committed(self.broker.open_servers, self.picks)]

    def letters(self) -> dict[tuple[int, int], str]:
        """Partition and offset of each dead letter -> its reason."""
        records = committed(self.broker.open_servers, self.dead)
        told = [
            [header(one, f"ce_{name}") for name in ("originpartition", "originoffset", "reason")] for one in records
        ]
        assert len({(partition, offset) for partition, offset, _ in told}) == len(told), "a letter came twice"
        return {(int(partition), int(offset)): reason for partition, offset, reason in told}


def _taken(one: Opened, embedder: Embedder) -> Taken:
    return Taken(one.frame, embedder.embed(one.picture[None])[0], one.message.offset, one.part, one.last)


@contextmanager
def serving(pipeline: Pipeline) -> Iterator[Future[None]]:
    """The service in a thread, which is quick; its error is raised when it is left."""
    stopping = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, pipeline.file(), stopping)
        try:
            yield running
        finally:
            stopping.set()
        running.result(PATIENCE)


class Service(Running):
    """`streamsel run` in a process of its own. more: lines of the file in place of the pipeline's."""

    def __init__(self, pipeline: Pipeline, instance: str | None = None, *, more: str | None = None) -> None:
        super().__init__(pipeline.file(instance, more))


def offsets(pipeline: Pipeline) -> dict[int, int]:
    """Offsets that the group has committed."""
    return group_offsets(pipeline.broker.open_servers, pipeline.name)


def all_read(pipeline: Pipeline) -> bool:
    """Whether the group has come to the end of what was sent."""
    committed_offsets = offsets(pipeline)
    return all(committed_offsets.get(place) == len(sent) for place, sent in pipeline.sent.items())
