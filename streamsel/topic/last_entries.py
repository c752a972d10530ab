"""The newest value of one key in each partition of a changelog, from its end backwards, with a bound on the time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection

__all__ = ["LastEntries", "last_entries"]

FIRST: Final = 500
"""Records of the first look, from the end; each further one takes `FURTHER` times as many."""
FURTHER: Final = 8

STEP: Final = 0.5
"""Seconds of one poll."""


@dataclass(frozen=True, slots=True)
class LastEntries:
    """found: partition -> value of the newest entry, where there is one. unseen: partitions that took too long."""

    found: Mapping[int, bytes]
    unseen: Sequence[int]


def last_entries(connection: Connection, topic: str, key: bytes, seconds: float) -> LastEntries:
    """What was committed under a key, in each partition. Raises KafkaError; nobody notices that it was read."""
    deadline = time.monotonic() + seconds
    with closing(connection.consumer(fetch_max_bytes=4 << 20, max_partition_fetch_bytes=1 << 20)) as consumer:
        places = [TopicPartition(topic, one) for one in sorted(consumer.partitions_for_topic(topic) or ())]
        looks = [_Looks(consumer, place, key, deadline) for place in places]
        unseen = [one.place.partition for one in looks if not one.to_the_end()]
        return LastEntries({one.place.partition: one.found for one in looks if one.found is not None}, unseen)


class _Looks:
    """Looks at one partition."""

    def __init__(self, consumer: Any, place: Any, key: bytes, deadline: float) -> None:
        self._consumer, self.place, self._key, self._deadline = consumer, place, key, deadline
        self.found: bytes | None = None

    def to_the_end(self) -> bool:
        """Looks until the key is found, or all has been seen; False where the time was over before."""
        consumer, place = self._consumer, self.place
        first, end = (asked([place])[place] for asked in (consumer.beginning_offsets, consumer.end_offsets))
        consumer.assign([place])
        back = FIRST
        while end > first and self.found is None:
            start = max(first, end - back)
            if not self._look(start, end):
                return False
            end, back = start, back * FURTHER
        return True

    def _look(self, start: int, end: int) -> bool:
        """Reads from start to before end; False where the time is over before."""
        self._consumer.seek(self.place, start)
        while (self._consumer.position(self.place) or 0) < end:
            if time.monotonic() > self._deadline:
                return False
            for record in self._consumer.poll(timeout_ms=int(STEP * 1000)).get(self.place, ()):
                if record.key == self._key and record.offset < end:
                    self.found = record.value
        return True
