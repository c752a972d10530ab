"""A broker and how it is spoken to: the one place where Kafka clients are made, each with bounded waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer  # type: ignore[import-untyped]
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor  # type: ignore[import-untyped]

from streamsel.errors import UsageError
from streamsel.topic.clients import Clients, Consumer, Producer, quieten
from streamsel.topic.security import Security

__all__ = ["Connection"]

SHORTEST: Final = 0.1
LONGEST: Final = 540.0
"""Seconds: a client closes a connection that is idle for longer."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Makes clients of kafka-python that fit together. Each connects at once, and raises KafkaError where it cannot.

    servers: `host:port` each, of which one must answer. wait: seconds that a client waits for its first answer from a
    broker, and for each answer later; a producer gives a record up after three times as long. A wrong password, a
    mechanism that the broker has not, or a certificate that is not trusted is told at once. Callers put calls into
    `streamsel.topic.explaining.explained`, which makes one line of an error. Whoever makes a client closes it.
    """

    servers: Sequence[str]
    security: Security = field(default_factory=Security)
    client_id: str = "streamsel"
    wait: float = 10.0

    def __post_init__(self) -> None:
        if not self.servers:
            raise UsageError("Connection needs a server, host:port")
        if not SHORTEST <= self.wait < LONGEST:
            raise UsageError(f"Connection.wait: expected {SHORTEST} to {LONGEST} s, got {self.wait}")

    def producer(self, transactional_id: str | None = None, **options: Any) -> KafkaProducer:
        """A KafkaProducer: idempotent, acknowledged by all replicas, uncompressed, never creating a topic.

        transactional_id: makes it transactional; a broker aborts what was left open after 10 s. Its calls on
        transactions end by `wait`. Sizes are checked by the caller: the client takes a record up to 64 MiB.
        """
        milliseconds = int(self.wait * 1000)
        defaults = {
            "acks": "all",
            "allow_auto_create_topics": False,
            "compression_type": None,  # pictures are compressed
            "delivery_timeout_ms": 3 * milliseconds,
            "enable_idempotence": True,
            "max_block_ms": milliseconds,
            "max_request_size": 64 << 20,
            "retry_backoff_ms": 5,
            "transaction_timeout_ms": 10_000,
            "transactional_id": transactional_id,
        }
        return self._made(Producer, defaults | options)

    def consumer(self, *topics: str, **options: Any) -> KafkaConsumer:
        """A KafkaConsumer: only what was committed, from the beginning, committing nothing by itself.

        In a group (`group_id`) with cooperative-sticky assignment. Its `poll` takes its own timeout.
        """
        defaults = {
            "allow_auto_create_topics": False,
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "fetch_max_wait_ms": min(500, int(self.wait * 500)),
            "isolation_level": "read_committed",
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            "retry_backoff_ms": 20,
        }
        return self._made(lambda **all_: Consumer(*topics, **all_), defaults | options)

    def admin(self, **options: Any) -> KafkaAdminClient:
        """A KafkaAdminClient."""
        return self._made(KafkaAdminClient, options)

    def _made(self, make: Callable[..., Any], options: dict[str, Any]) -> Any:
        quieten()
        clients = Clients()
        milliseconds = int(self.wait * 1000)
        common = {
            "bootstrap_servers": list(self.servers),
            "bootstrap_timeout_ms": milliseconds,
            "client_id": self.client_id,
            "kafka_client": clients,
            "reconnect_backoff_max_ms": 1000,
            "request_timeout_ms": milliseconds,
        }
        try:
            return make(**common | self.security.client_options() | options)
        except BaseException:
            clients.end()
            raise
