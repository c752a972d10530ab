"""The changelog: a compacted topic that holds the state of each partition of another, as entries key -> bytes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition  # type: ignore[import-untyped]
from kafka.errors import KafkaTimeoutError  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection

__all__ = ["Changelog"]

STEP: Final = 500
"""Milliseconds of one look for records."""


class Changelog:
    """Reads what was committed to a partition of the changelog, to its very end.

    patience: seconds that nothing may come while the end is not reached: an open transaction of a member that is gone
    holds it back until the broker aborts it.
    """

    def __init__(self, connection: Connection, topic: str, patience: float = 60.0) -> None:
        self._connection, self.topic, self._patience = connection, topic, patience

    def read(self, partition: int) -> dict[bytes, bytes]:
        """The newest value of each key that is not deleted. Raises KafkaError.

        The end is that of a reader which sees open transactions, too: what reads only what was committed would take
        the beginning of the first open one for the end, and miss what follows.
        """
        place = TopicPartition(self.topic, partition)
        # Two clients for each reading: that is 50 ms, but none is left idle for weeks.
        everything: Any = self._connection.consumer(isolation_level="read_uncommitted")
        try:
            end = everything.end_offsets([place])[place]
        finally:
            everything.close(timeout_ms=1000)
        committed: Any = self._connection.consumer(fetch_max_bytes=16 << 20, max_partition_fetch_bytes=8 << 20)
        try:
            committed.assign([place])
            return self._read(committed, place, end)
        finally:
            committed.close(timeout_ms=1000)

    def _read(self, consumer: Any, place: Any, end: int) -> dict[bytes, bytes]:
        entries: dict[bytes, bytes] = {}
        reached, deadline = -1, time.monotonic() + self._patience
        while (position := consumer.position(place, timeout_ms=STEP)) is None or position < end:
            for record in consumer.poll(timeout_ms=STEP).get(place, ()):
                if record.value is None:
                    entries.pop(record.key, None)
                else:
                    entries[record.key] = record.value
            if position is not None and position > reached:
                reached, deadline = position, time.monotonic() + self._patience
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"{place.topic}-{place.partition}: stuck at {position} of {end}")
        return entries
