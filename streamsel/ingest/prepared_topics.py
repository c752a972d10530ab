"""The topics of a pipeline, before it begins: made where they are missing, refused where they would lose something."""

from __future__ import annotations

from streamsel.config import IngestConfig
from streamsel.errors import StateError, UsageError
from streamsel.ingest.checked_retention import losses
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained
from streamsel.topic.inquiry import made_or_unmade
from streamsel.topic.pick_record import HEADERS
from streamsel.topic.topics import Topic, describe, ensure

__all__ = ["prepare_topics"]


def prepare_topics(config: IngestConfig, connection: Connection) -> None:
    """Makes changelog, output and dead letters where they are not there, with as many partitions as the input.

    Raises StateError for a changelog that would not hold all state, UsageError for an output that takes smaller records
    than are to be sent, or for an input that does not keep what windows are chosen of, or sequences consist of,
    SinkError where the broker refuses or does not answer; then nothing is made.
    """
    source, output = config.input.topic, config.output
    with explained(_where(connection, source)):
        known_input = describe(connection, source)
    if loss := next(losses(config, known_input), None):
        raise UsageError(f"{loss.place}: {loss.text}")
    count = known_input.partitions
    wanted = {
        config.state_topic: True,
        config.dead_letter_topic: False,
        **({output.topic: False} if output.topic else {}),
    }
    known = {name: _known(connection, name, count, compacted=compacted) for name, compacted in wanted.items()}
    _check_changelog(known[config.state_topic], count, source)
    if output.topic is not None:
        _check_limit(known[output.topic], output.inline_limit)
    for name, compacted in wanted.items():
        with explained(_where(connection, name)):
            ensure(connection, name, count, compacted=compacted)


def _known(connection: Connection, name: str, count: int, *, compacted: bool) -> Topic:
    with explained(_where(connection, name)):
        return made_or_unmade(connection, name, count, compacted=compacted)


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
