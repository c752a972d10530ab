"""The changelog: a compacted topic that holds the state of each partition of another, as entries key -> bytes."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition  # type: ignore[import-untyped]
from kafka.errors import KafkaError, KafkaTimeoutError  # type: ignore[import-untyped]

from streamsel.errors import StateError

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection

__all__ = ["SOURCE", "Changelog"]

SOURCE: Final = b"#source"
"""The key of the entry, beside those of the state, that holds the id of the topic that the state is of."""

STEP: Final = 500
"""Milliseconds of one look for records."""


class Changelog:
    """Reads what was committed to a partition of the changelog, to its very end.

    patience: seconds that nothing may come while the end is not reached: an open transaction of a member that is gone
    holds it back until the broker aborts it.
    """

    def __init__(self, connection: Connection, topic: str, patience: float = 60.0) -> None:
        self._connection, self.topic, self._patience = connection, topic, patience
        self.sources: dict[int, bytes] = {}
        """Id of the topic that the state of a partition is of, where it says so, as last read or committed."""

    @cached_property
    def _all(self) -> Any:
        """Sees open transactions, too: one that does not takes the beginning of the first of them for the end."""
        return self._connection.consumer(isolation_level="read_uncommitted")

    @cached_property
    def _committed(self) -> Any:
        return self._connection.consumer(fetch_max_bytes=16 << 20, max_partition_fetch_bytes=8 << 20)

    def read(self, partition: int) -> dict[bytes, bytes]:
        """The newest value of each key that is not deleted. Raises KafkaError, and StateError without the partition."""
        place = TopicPartition(self.topic, partition)
        known = self._all.partitions_for_topic(self.topic)
        if known and partition not in known:
            self._all.topics()  # what it knows is minutes old, and some may have been added since
            known = self._all.partitions_for_topic(self.topic)
        if known and partition not in known:
            raise StateError(
                f"{self.topic}: has {len(known)} partitions, too few for partition {partition} of the input: add some"
            )
        end = self._all.end_offsets([place])[place]
        self._committed.assign([place])
        self._committed.seek_to_beginning(place)
        entries: dict[bytes, bytes] = {}
        reached, deadline = -1, time.monotonic() + self._patience
        while (position := self._committed.position(place, timeout_ms=STEP)) is None or position < end:
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"{self.topic}-{partition}: at {position} of {end}, and nothing more comes")
            if position is not None and position > reached:
                reached, deadline = position, time.monotonic() + self._patience
            self._take(entries, self._committed.poll(timeout_ms=STEP).get(place, ()))
        self.sources.pop(partition, None)
        if SOURCE in entries:
            self.sources[partition] = entries.pop(SOURCE)
        return entries

    def _take(self, entries: dict[bytes, bytes], records: Any) -> None:
        for record in records:
            if record.value is None:
                entries.pop(record.key, None)
            else:
                entries[record.key] = record.value

    def close(self) -> None:
        """Closes its clients, if it has any."""
        for name in ("_all", "_committed"):
            if name in self.__dict__:
                with suppress(KafkaError, OSError, RuntimeError):
                    self.__dict__.pop(name).close(timeout_ms=1000)
