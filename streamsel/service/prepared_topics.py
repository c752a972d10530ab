"""The topics of a pipeline, before it begins: made where they are missing, refused where they would lose something."""

from __future__ import annotations

from streamsel.config import IngestConfig
from streamsel.errors import StateError, UsageError
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained
from streamsel.topic.pick_record import HEADERS
from streamsel.topic.topics import Topic, ensure, partitions

__all__ = ["prepare_topics"]


def prepare_topics(config: IngestConfig, connection: Connection) -> None:
    """Makes changelog, output and dead letters where they are not there, with as many partitions as the input.

    Raises StateError for a changelog that would not hold all state, UsageError for an output that takes smaller records
    than are to be sent, SinkError where the broker refuses or does not answer.
    """
    with explained(_where(connection, config.input.topic)):
        count = partitions(connection, config.input.topic)
    _check_changelog(_ensured(connection, config.state_topic, count, compacted=True), count, config.input.topic)
    _ensured(connection, config.dead_letter_topic, count)
    if config.output.topic is not None:
        _check_limit(_ensured(connection, config.output.topic, count), config.output.inline_limit)


def _ensured(connection: Connection, name: str, count: int, *, compacted: bool = False) -> Topic:
    with explained(_where(connection, name)):
        return ensure(connection, name, count, compacted=compacted)


def _where(connection: Connection, name: str) -> str:
    return f"{','.join(connection.servers)}/{name}"


def _check_changelog(topic: Topic, count: int, source: str) -> None:
    if topic.partitions < count:
        raise StateError(
            f"{topic.name}: has {topic.partitions} partitions, and {source} {count}: add some, until they are as many"
        )
    if topic.largest is not None and not topic.compacted:
        raise StateError(f"{topic.name}: is not compacted, so it would lose state: set cleanup.policy=compact")


def _check_limit(topic: Topic, limit: int) -> None:
    if topic.largest is not None and topic.largest < limit + HEADERS:
        raise UsageError(
            f"output: {topic.name} takes records of {topic.largest} bytes at most: set output.inline_limit to"
            f" {max(topic.largest - HEADERS, 0)} or less, or raise max.message.bytes to {limit + HEADERS}"
        )
