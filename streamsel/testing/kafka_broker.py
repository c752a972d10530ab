"""A real Apache Kafka broker beside a test: one node, KRaft, on this machine only.

    with Broker(tmp_path) as broker:
        broker.create("pictures", 4)
        ...  # broker.servers, broker.address("pictures")

It ends when the process that started it does. `broker_for_tests` takes what $STREAMSEL_KAFKA names, else starts one.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from kafka.admin import KafkaAdminClient  # type: ignore[import-untyped]
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from streamsel.errors import SourceError
from streamsel.testing.kafka_runtime import Running, Runtime

__all__ = ["Broker", "Served", "broker_for_tests", "free_ports"]

VARIABLE: Final = "STREAMSEL_KAFKA"
PORTS: Final = range(20_000, 30_000)
"""Below those that outgoing connections get: a client that calls a stopped broker must not meet itself."""

LONGEST_START: Final = 60.0
LONGEST_STOP: Final = 20.0

SETTINGS: Final[Mapping[str, object]] = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "broker.heartbeat.interval.ms": 500,
    "broker.session.timeout.ms": 3000,  # so long the controller waits for one that was killed
    "log.cleaner.dedupe.buffer.size": 8 << 20,  # of a heap of 256 MB
}

NONE: Final[Mapping[str, object]] = MappingProxyType({})


class Served:
    """A broker that is there already. servers: `host:port` each."""

    def __init__(self, servers: tuple[str, ...]) -> None:
        self.servers = servers

    def address(self, topic: str) -> str:
        """BROKER/TOPIC."""
        return f"{','.join(self.servers)}/{topic}"

    def create(self, topic: str, partitions: int = 1, **config: object) -> str:
        """Make a topic; returns its name. config: as the broker calls it, `_` for `.` (max_message_bytes=1000)."""
        configs = {name.replace("_", "."): str(value) for name, value in config.items()}
        wanted = {topic: {"num_partitions": partitions, "replication_factor": 1, "configs": configs}}
        admin = KafkaAdminClient(bootstrap_servers=self._plain())
        try:
            admin.create_topics(wanted, wait_for_metadata=True)
        finally:
            admin.close()
        return topic

    def _plain(self) -> list[str]:
        """Where this machine needs no password."""
        return list(self.servers)


class Broker(Served):
    """A broker of one's own, which can be stopped, killed, paused, and started again with what it held.

    folder: an empty one for its data and its log. partitions: of a topic created without a number. port: to listen
    on, else a free one. settings: further ones of the broker's, by their names.
    Raises SourceError where it does not start, UsageError where this machine has nothing to run it in.
    """

    def __init__(
        self,
        folder: Path,
        *,
        partitions: int = 4,
        port: int | None = None,
        settings: Mapping[str, object] = NONE,
    ) -> None:
        self._folder = folder
        self._runtime = Runtime.find()
        self._name = f"streamsel-{uuid.uuid4().hex}"
        self._running: Running | None = None
        own, controller = free_ports(2)
        port = port or own
        super().__init__((f"127.0.0.1:{port}",))
        listeners = {
            "log.dirs": folder / "log",
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        }
        self._format({**SETTINGS, **listeners, "num.partitions": partitions, **settings})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, on the same port with the same data; returns when it answers."""
        self._running = self._run("kafka.Kafka", str(self._properties))
        until = time.monotonic() + LONGEST_START
        while not self._answers():
            if self._running.ended or time.monotonic() > until:
                self.kill()
                raise SourceError(f"the broker did not start: {self._last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it as an administrator does; clients are told."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it stand still, connections open, until `resume`."""
        if self._running:
            self._running.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._running:
            self._running.send(signal.SIGCONT)

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _format(self, settings: Mapping[str, object]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = self._run("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties))
        tool.finish(LONGEST_START)
        if not (self._folder / "log" / "meta.properties").exists():
            raise SourceError(f"the broker's folder could not be made: {self._last_words()}")

    def _run(self, *arguments: str) -> Running:
        return Running(self._runtime, self._name, self._folder, arguments, self._log)

    def _answers(self) -> bool:
        """Whether clients are served; cheap while nothing listens yet."""
        host, _, port = self._plain()[0].rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            admin = KafkaAdminClient(bootstrap_servers=self._plain(), bootstrap_timeout_ms=2000)
        except (OSError, KafkaError):
            return False
        try:
            return not any(node["is_fenced"] for node in admin.describe_cluster()["brokers"])
        except KafkaError:
            return False
        finally:
            admin.close()

    def _end(self, number: signal.Signals) -> None:
        running, self._running = self._running, None
        if running:
            running.end(number, LONGEST_STOP)

    def _last_words(self) -> str:
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return next((line for line in reversed(lines) if "ERROR" in line or "Exception" in line), "".join(lines[-1:]))


@contextmanager
def broker_for_tests(folder: Path) -> Iterator[Served]:
    """What $STREAMSEL_KAFKA names, else a broker of one's own; UsageError says what to install where neither can be."""
    if given := os.environ.get(VARIABLE):
        yield Served(tuple(given.split(",")))
        return
    with Broker(folder) as broker:
        yield broker


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    found = (port for port in random.sample(PORTS, len(PORTS)) if _is_free(port))
    return list(islice(found, count))


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
