"""What a reader of committed records finds in a topic."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer, TopicPartition


def committed(servers: tuple[str, ...], topic: str) -> list[Any]:
    """All records, by partition and offset. Waits for transactions that are still open."""
    everything = KafkaConsumer(bootstrap_servers=list(servers), isolation_level="read_uncommitted")
    consumer = KafkaConsumer(
        bootstrap_servers=list(servers), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    try:
        places = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic))]
        ends = everything.end_offsets(places)
        consumer.assign(places)
        found: list[Any] = []
        while any(consumer.position(place) < ends[place] for place in places):
            found += [record for records in consumer.poll(timeout_ms=200).values() for record in records]
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        everything.close()
        consumer.close()


def header(record: Any, name: str) -> str:
    """The text of a header, empty where it is not there."""
    return dict(record.headers).get(name, b"").decode()
