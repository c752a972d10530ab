"""What a reader of committed records finds in a topic."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from kafka.errors import KafkaError  # type: ignore[import-untyped]

__all__ = ["committed", "group_offsets", "header"]


def committed(servers: Sequence[str], topic: str, *, waits: bool = True) -> list[Any]:
    """All records, by partition and offset. waits: for transactions that are still open; else none behind the first of
    these is told."""
    given = {"bootstrap_servers": list(servers), "auto_offset_reset": "earliest"}
    with (
        closing(KafkaConsumer(isolation_level="read_uncommitted", **given)) as everything,
        closing(KafkaConsumer(isolation_level="read_committed", **given)) as consumer,
    ):
        places = [TopicPartition(topic, partition) for partition in sorted(_partitions(consumer, topic))]
        ends = (everything if waits else consumer).end_offsets(places)
        consumer.assign(places)
        found: list[Any] = []
        while any(consumer.position(place) < ends[place] for place in places):
            found += [record for records in consumer.poll(timeout_ms=200).values() for record in records]
    return sorted(found, key=lambda record: (record.partition, record.offset))


def _partitions(consumer: Any, topic: str) -> set[int]:
    """Asked for twice where there are none: the first answer may be one that was under way, of no topic."""
    return consumer.partitions_for_topic(topic) or consumer.partitions_for_topic(topic) or set()


def group_offsets(servers: Sequence[str], group: str) -> dict[int, int]:
    """Partition -> offset that a group has committed; empty while the broker cannot tell."""
    try:
        with closing(KafkaAdminClient(bootstrap_servers=list(servers))) as admin:
            told = admin.list_group_offsets({group: None})[group]
    except KafkaError:
        return {}
    return {place.partition: one.offset for place, one in told.items()}


def header(record: Any, name: str) -> str:
    """The text of a header, empty where it is not there."""
    return str(dict(record.headers).get(name, b""), "utf-8")
