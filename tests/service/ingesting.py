"""A pipeline to try out: a model that takes no time, small pictures, what must be picked, the service as a process."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import RetriableError
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from streamsel.config import read_pipeline
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.service.lane import Taken
from streamsel.service.lanes import Lanes
from streamsel.service.pictures import Opened, Pictures
from streamsel.service.running import run
from streamsel.testing.kafka_broker import Served
from streamsel.topic import Message
from streamsel.topic.incoming import Incoming
from streamsel.topic.references import References
from tests.conftest import command
from tests.topic.reading import committed, header

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


def tiny_model(folder: Path) -> Path:
    """A model of 48 numbers: the mean colours of the sixteenths of a picture, seen through a mirror of sorts."""
    kernel = np.random.default_rng(0).normal(size=(48, 48)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["pictures"], ["coarse"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["coarse"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["flat", "mean"], ["centred"]),
        helper.make_node("MatMul", ["centred", "kernel"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ("b", 3, 16, 16))],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    path = folder / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def pictures(number: int, *, scene: int = 10, seed: int = 0) -> list[bytes]:
    """JPEGs of 32 x 32: a new scene each so many pictures, a little noise between."""
    random = np.random.default_rng(seed)
    made = []
    for index in range(number):
        if index % scene == 0:
            patches = random.integers(30, 226, (4, 4, 3))
        noisy = patches.repeat(8, 0).repeat(8, 1) + random.integers(-8, 9, (32, 32, 3))
        file = io.BytesIO()
        Image.fromarray(noisy.astype(np.uint8)).save(file, "JPEG", quality=90)
        made.append(file.getvalue())
    return made


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
                        found.add(one.frame.mark.name or f"{one.carried.name}-{one.frame.mark.index}")
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


class Service:
    """`streamsel run` in a process of its own, and what it logs."""

    def __init__(self, pipeline: Pipeline, instance: str | None = None, *, more: str | None = None) -> None:
        name = pipeline.instance if instance is None else instance
        self._log = pipeline.folder / f"log-{name}-{time.monotonic_ns()}.jsonl"
        self._error = self._log.open("wb")
        arguments = command("run", pipeline.file(instance, more), "--log", "json")
        self.process = subprocess.Popen(arguments, stderr=self._error, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self._error.close()

    @property
    def text(self) -> str:
        return self._log.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it logged; its last words, where they are no JSON, are left out."""
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{") and line.endswith("}")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == name]

    @property
    def owned(self) -> list[int]:
        """The partitions that it read when it last told."""
        return next((list(line["owned"]) for line in reversed(self.events("rebalanced"))), [])

    def wait(self, what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """What it gives, as soon as that is true; fails at once where the process has ended."""
        return wait_for(lambda: what() or self._runs(), seconds)

    def _runs(self) -> None:
        assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.text}"

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def wait_for(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What it gives, as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


def offsets(pipeline: Pipeline) -> dict[int, int]:
    """Offsets that the group has committed."""
    admin = KafkaAdminClient(bootstrap_servers=list(pipeline.broker.open_servers))
    try:
        found = admin.list_group_offsets({pipeline.name: None})[pipeline.name]
        return {place.partition: one.offset for place, one in found.items()}
    except RetriableError:  # the broker makes room for its first group
        return {}
    finally:
        admin.close()


def all_read(pipeline: Pipeline) -> bool:
    """Whether the group has come to the end of what was sent."""
    committed_offsets = offsets(pipeline)
    return all(committed_offsets.get(place) == len(sent) for place, sent in pipeline.sent.items())
