"""Records that are read a second time, each by its place: the topic itself keeps what was not copied."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition  # type: ignore[import-untyped]
from kafka.errors import KafkaError, KafkaTimeoutError  # type: ignore[import-untyped]

from streamsel.topic import Message
from streamsel.topic.unpacking import message_of

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection

__all__ = ["Again"]

STEP: Final = 250
"""Milliseconds of one look for a record."""

ONE_BATCH: Final = 1
"""Bytes that are asked for: a broker gives one batch at least, whatever its size (KIP-74), and no other is wanted."""


class Again:
    """Fetches records of a topic one at a time, in no group, and keeps none of them.

    most_unpacked: bytes of a compressed batch when it is unpacked, as for who read it first. patience: seconds that a
    broker may take.
    """

    def __init__(self, connection: Connection, topic: str, most_unpacked: int, patience: float = 30.0) -> None:
        self._connection, self._topic, self._most, self._patience = connection, topic, most_unpacked, patience

    @cached_property
    def _consumer(self) -> Any:
        return self._connection.consumer(
            max_poll_records=1,
            fetch_max_bytes=ONE_BATCH,
            max_partition_fetch_bytes=ONE_BATCH,
            most_unpacked=self._most,
        )

    def message(self, partition: int, offset: int) -> Message | None:
        """The record of an offset that a reader of committed records has passed; None where it was removed.

        Raises KafkaError, also where nothing comes in time.
        """
        place, consumer = TopicPartition(self._topic, partition), self._consumer
        if consumer.assignment() != {place}:
            consumer.assign([place])
        consumer.seek(place, offset)
        deadline = time.monotonic() + self._patience
        while not (found := consumer.poll(timeout_ms=STEP, max_records=1).get(place, ())):
            if (consumer.position(place, timeout_ms=STEP) or 0) > offset:
                return None  # the topic begins behind it, or it was compacted away
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"{place.topic}-{partition}: no answer for offset {offset}")
        return message_of(found[0]) if found[0].offset == offset else None

    def close(self) -> None:
        """Closes its client, if it has one."""
        if "_consumer" in self.__dict__:
            with suppress(KafkaError, OSError, RuntimeError):
                self.__dict__.pop("_consumer").close(timeout_ms=1000)
