"""Records that are read a second time, each by its place: the topic itself keeps what was not copied."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition  # type: ignore[import-untyped]
from kafka.errors import KafkaError, KafkaTimeoutError  # type: ignore[import-untyped]

from streamsel.topic import Message, nbytes_of
from streamsel.topic.unpacking import message_of

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection

__all__ = ["Again"]

STEP: Final = 250
"""Milliseconds of one look for a record."""

ONE_BATCH: Final = 1
"""Bytes that are asked for: a broker gives one batch at least, whatever its size (KIP-74), and no other is wanted."""

BESIDE: Final = 128
"""Records of the same batch that one look takes along."""

HELD: Final = 8 << 20
"""Bytes of them that wait to be asked for: what is read again lies close together."""


class Again:
    """Fetches records of a topic by their places, in no group. Some that came beside the latest one are held.

    most_unpacked: bytes of a compressed batch when it is unpacked, as for who read it first. patience: seconds that a
    broker may take.
    """

    def __init__(self, connection: Connection, topic: str, most_unpacked: int, patience: float = 30.0) -> None:
        self._connection, self._topic, self._most, self._patience = connection, topic, most_unpacked, patience
        self._held: dict[tuple[int, int], Message] = {}

    @cached_property
    def _consumer(self) -> Any:
        return self._connection.consumer(
            max_poll_records=BESIDE,
            fetch_max_bytes=ONE_BATCH,
            max_partition_fetch_bytes=ONE_BATCH,
            most_unpacked=self._most,
        )

    def message(self, partition: int, offset: int) -> Message | None:
        """The record of an offset that a reader of committed records has passed; None where it was removed.

        Raises KafkaError, also where nothing comes in time.
        """
        if (partition, offset) in self._held:
            return self._held[partition, offset]
        found = self._found(partition, offset)
        if not found or found[0].offset != offset:
            return None
        self._held = _bounded([message_of(one) for one in found])
        return self._held[partition, offset]

    def _found(self, partition: int, offset: int) -> Sequence[Any]:
        """Records from an offset on, one at least, but where the topic begins behind it or it was compacted away."""
        place, consumer = TopicPartition(self._topic, partition), self._consumer
        if consumer.assignment() != {place}:
            consumer.assign([place])
        consumer.seek(place, offset)
        deadline = time.monotonic() + self._patience
        while not (found := consumer.poll(timeout_ms=STEP, max_records=BESIDE).get(place, ())):
            if (consumer.position(place, timeout_ms=STEP) or 0) > offset:
                return ()
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"{place.topic}-{partition}: no answer for offset {offset}")
        return list(found)

    def close(self) -> None:
        """Closes its client, if it has one."""
        if "_consumer" in self.__dict__:
            with suppress(KafkaError, OSError, RuntimeError):
                self.__dict__.pop("_consumer").close(timeout_ms=1000)


def _bounded(messages: Sequence[Message]) -> dict[tuple[int, int], Message]:
    """By partition and offset: the first, and as many behind it as have few bytes."""
    held: dict[tuple[int, int], Message] = {}
    nbytes = 0
    for one in messages:
        nbytes += nbytes_of(one)
        if held and nbytes > HELD:
            break
        held[one.partition, one.offset] = one
    return held
