"""Publisher: sends records to a topic as they come, few at a time, and checks that each arrived.

For trying things out, and for producers that can send again: at most the records in flight are lost with the process.
What must arrive once, whatever happens, goes through `Delivery`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, Self

from kafka.errors import KafkaError  # type: ignore[import-untyped]

from streamsel.errors import SinkError
from streamsel.topic import Record
from streamsel.topic.address import Address
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained, explanation
from streamsel.topic.pick_record import wire_bytes
from streamsel.topic.topics import describe

__all__ = ["Publisher"]

MOST_BYTES: Final = 16 << 20
"""Of records in flight; kafka-python itself bounds nothing."""


class Publisher:
    """One topic, which is there: a wrong name makes none. `acknowledged`: how many records arrived, in the order sent.

    Blocks while too much is in flight. Raises SinkError, one line, where no broker answers, the topic is missing, the
    login is refused or a record does not arrive in time; then it is of no more use.
    """

    def __init__(self, connection: Connection, topic: str) -> None:
        self.acknowledged = 0
        self._name, self._address = topic, Address(tuple(connection.servers), topic)
        self._longest = 4 * connection.wait
        self._waiting: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        with explained(self._address):
            self._topic = describe(connection, topic)
            self._producer = connection.producer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self._producer.close(timeout=0 if kind else self._longest)

    def takes(self, record: Record) -> bool:
        """Whether it is small enough for the topic."""
        return self._topic.largest is None or wire_bytes(record) <= self._topic.largest

    @property
    def largest(self) -> int | None:
        """Bytes of a record that the topic takes; None where the broker does not tell."""
        return self._topic.largest

    def send(self, record: Record, timestamp: int) -> None:
        """Send one. timestamp: milliseconds since 1970 (UTC)."""
        while self._waiting and (self._waiting[0][0].is_done or self._bytes + record.nbytes > MOST_BYTES):
            self._check_oldest()
        try:
            headers = list(record.headers)
            future = self._producer.send(
                self._name, key=record.key, value=record.value, headers=headers, timestamp_ms=timestamp
            )
        except KafkaError as error:
            raise self._told(error) from error
        self._waiting.append((future, record.nbytes))
        self._bytes += record.nbytes

    def flush(self) -> None:
        """Returns when all have arrived."""
        while self._waiting:
            self._check_oldest()

    def _check_oldest(self) -> None:
        future, nbytes = self._waiting.popleft()
        try:
            future.get(timeout=self._longest)
        except KafkaError as error:
            raise self._told(error) from error
        self._bytes -= nbytes
        self.acknowledged += 1

    def _told(self, error: KafkaError) -> SinkError:
        return SinkError(f"{self._address}: {explanation(error)} ({self.acknowledged} records arrived before)")
