"""A real Apache Kafka broker beside a test: one node, KRaft, on this machine only.

    with Broker(tmp_path) as broker:
        broker.create("pictures", 4)
        ...  # broker.servers, broker.address("pictures")

It ends when the process that started it does. `broker_for_tests` takes what $STREAMSEL_KAFKA names, else starts one.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from kafka.admin import KafkaAdminClient  # type: ignore[import-untyped]
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from streamsel.errors import SourceError
from streamsel.testing.kafka_archive import archived
from streamsel.testing.kafka_listeners import Listeners
from streamsel.testing.kafka_runtime import Running, Runtime
from streamsel.testing.kafka_security import Safety

__all__ = ["Broker", "Served", "broker_for_tests", "new_cluster"]

VARIABLE: Final = "STREAMSEL_KAFKA"
LONGEST_START: Final = 120.0
"""Seconds; it takes three on a machine that has nothing else to do."""

LONGEST_STOP: Final = 20.0
NONE: Final[Mapping[str, object]] = MappingProxyType({})


class Served:
    """A broker that is there already. servers: `host:port` each. open_servers: where no login is asked for."""

    replicas = 1
    """Of each topic that is made here."""

    def __init__(self, servers: tuple[str, ...], open_servers: tuple[str, ...] = ()) -> None:
        self.servers = servers
        self.open_servers = open_servers or servers

    def address(self, topic: str) -> str:
        """BROKER/TOPIC."""
        return f"{','.join(self.servers)}/{topic}"

    def create(self, topic: str, partitions: int = 1, **config: object) -> str:
        """Make a topic; returns its name. config: as the broker calls it, `_` for `.` (max_message_bytes=1000)."""
        configs = {name.replace("_", "."): str(value) for name, value in config.items()}
        wanted = {topic: {"num_partitions": partitions, "replication_factor": self.replicas, "configs": configs}}
        admin = KafkaAdminClient(bootstrap_servers=list(self.open_servers))
        try:
            admin.create_topics(wanted, wait_for_metadata=True)
        finally:
            admin.close()
        return topic


class Broker(Served):
    """A broker of one's own, which can be stopped, killed, paused, and started again with what it held.

    folder: an empty one for its data and its log. partitions: of a topic created without a number. secure: asks for a
    login at `servers` (SASL_SSL), `sasl_servers` (SASL_PLAINTEXT) and `ssl_servers` (certificates both ways), by what
    `safety` holds. port: to listen on, else a free one. settings: further ones of the broker's, by their names.
    listeners: where it listens, instead of all that. cluster: the id of that which it belongs to; one of its own.
    runtime: what it runs in, instead of what this machine has.
    Raises SourceError where it does not start, UsageError where this machine has nothing to run it in.
    """

    def __init__(
        self,
        folder: Path,
        *,
        partitions: int = 4,
        secure: bool = False,
        port: int | None = None,
        settings: Mapping[str, object] = NONE,
        listeners: Listeners | None = None,
        cluster: str = "",
        runtime: Runtime | None = None,
    ) -> None:
        self._folder = folder.resolve()
        self._runtime = runtime or archived(Runtime.find(), _rehearse)
        self._name = f"streamsel-{uuid.uuid4().hex}"
        self._running: Running | None = None
        self._safety = Safety.make(self._folder / "safety") if secure else None
        self._listeners = listeners or Listeners.free(guarded=secure, port=port)
        super().__init__(self._at("SASL_SSL" if secure else "PLAINTEXT"), self._at("PLAINTEXT"))
        own = self._safety.settings if self._safety else NONE
        everything = {**self._listeners.settings(self._data), "num.partitions": partitions, **own, **settings}
        self._format(everything, cluster or new_cluster())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def safety(self) -> Safety:
        """Certificates and users of a secure one."""
        if self._safety is None:
            raise ValueError("this broker asks for no login: Broker(folder, secure=True) does")
        return self._safety

    @property
    def ca(self) -> Path:
        """The authority that signed its certificate."""
        return self.safety.ca

    @property
    def username(self) -> str:
        """Who may do everything."""
        return self.safety.username

    @property
    def password(self) -> str:
        """Of that user."""
        return self.safety.password

    @property
    def sasl_servers(self) -> tuple[str, ...]:
        """Where a login is asked for without TLS."""
        return self._at("SASL_PLAINTEXT")

    @property
    def ssl_servers(self) -> tuple[str, ...]:
        """Where a certificate is asked for."""
        return self._at("SSL")

    def start(self) -> None:
        """Start it, on the same port with the same data; returns when it answers. One that runs is killed first."""
        self.launch()
        self.answers()

    def launch(self) -> None:
        """Start it, and wait for nothing: one of several does not answer before others do."""
        self.kill()
        self._running = self._run("kafka.Kafka", str(self._properties))

    def answers(self) -> None:
        """Returns when it does. Raises SourceError where it does not start."""
        until = time.monotonic() + LONGEST_START
        while not _answers(self.open_servers[0]):
            if self._running is None or self._running.ended or time.monotonic() > until:
                self.kill()
                raise SourceError(f"the broker did not start: {self._last_words()}")
            time.sleep(0.05)

    def stop(self, seconds: float = LONGEST_STOP) -> bool:
        """Stop it as an administrator does; clients are told. After so many seconds it is killed, which gives False."""
        return self._end(signal.SIGTERM, seconds)

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
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _at(self, listener: str) -> tuple[str, ...]:
        return (self._listeners.server(listener),)

    def _format(self, settings: Mapping[str, object], cluster: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        users = self._safety.scram if self._safety else ()
        tool = self._run(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(self._properties), *users
        )
        tool.finish(LONGEST_START)
        if not (self._data / "meta.properties").exists():
            raise SourceError(f"the broker's folder could not be made: {self._last_words()}")

    def _run(self, *arguments: str) -> Running:
        return Running(self._runtime, self._name, self._folder, arguments, self._log)

    def _end(self, number: signal.Signals, seconds: float = LONGEST_STOP) -> bool:
        running, self._running = self._running, None
        return running is None or running.end(number, seconds)

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


def new_cluster() -> str:
    """An id that no other cluster has."""
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _rehearse(runtime: Runtime, folder: Path) -> None:
    """A short life, in which most is loaded that a broker loads."""
    with Broker(folder, runtime=runtime) as broker:
        broker.create("rehearsed")
        if not broker.stop(LONGEST_START):
            raise SourceError("the broker did not stop")


def _answers(server: str) -> bool:
    """Whether clients are served; cheap while nothing listens yet."""
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
        admin = KafkaAdminClient(bootstrap_servers=[server], bootstrap_timeout_ms=2000)
    except (OSError, KafkaError):
        return False
    try:
        return not any(node["is_fenced"] for node in admin.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        admin.close()
