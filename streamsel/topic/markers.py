"""Markers: what a sender has committed, read off a compacted topic, and whether it was this sender that did so.

A marker is the number of the last record of a transaction, and the token of the process that sent it. The folder of a
run may be copied, or an older one put back: then two senders have one id, and number other records alike. A token is
random, and noted durably before anything is sent with it; so a marker whose token nobody noted is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from kafka.errors import UnknownTopicOrPartitionError  # type: ignore[import-untyped]

from streamsel.errors import SinkError, StateError
from streamsel.topic.changelog import Changelog
from streamsel.topic.connection import Connection
from streamsel.topic.topics import describe, ensure

__all__ = ["MARKERS", "Marker", "Past", "checked", "newest", "remembering"]

MARKERS: Final = ".delivered"
"""What the name of the topic of markers ends in."""


@dataclass(frozen=True, slots=True)
class Marker:
    """number: of the last record that was committed; 0: none was. token: of the process that sent it."""

    number: int = 0
    token: str = ""

    def value(self) -> bytes:
        """As it is sent."""
        return f"{self.number} {self.token}".encode()

    @classmethod
    def of(cls, value: bytes) -> Marker:
        """As it was sent. Raises StateError."""
        number, _, token = value.decode("utf-8", "replace").partition(" ")
        if not (number.isascii() and number.isdigit()):
            raise StateError(f"a marker of what was sent cannot be read: {value[:40]!r}")
        return cls(int(number), token)


@dataclass(frozen=True, slots=True)
class Past:
    """What a sender knows of itself from before. settled: up to this number no record waits.

    handed: up to this number records may have been sent. tokens: of its processes that may have sent any.
    """

    settled: int = 0
    handed: int = 0
    tokens: tuple[str, ...] = ()


def remembering(connection: Connection, name: str) -> int:
    """How many partitions the topic of markers has; it is made only where it is missing, as that needs a right.

    Raises KafkaError, and SinkError where it would forget; that is not known where reading its configs is forbidden.
    """
    try:
        found = describe(connection, name)
    except UnknownTopicOrPartitionError:
        found = ensure(connection, name, 1, compacted=True)
    if found.largest is not None and not found.compacted:
        raise SinkError(f"topic {name}: would forget what was sent; set its cleanup.policy to compact")
    return found.partitions


def newest(connection: Connection, name: str, partitions: int, sender: str) -> Marker:
    """The newest marker of a sender, by whatever process. Raises KafkaError."""
    with closing(Changelog(connection, name)) as changelog:
        return max(_markers(changelog, partitions, sender), key=lambda marker: marker.number, default=Marker())


def _markers(changelog: Changelog, partitions: int, sender: str) -> Iterator[Marker]:
    for partition in range(partitions):
        value = changelog.read(partition).get(sender.encode())
        if value is not None:
            yield Marker.of(value)


def checked(marker: Marker, past: Past, where: object) -> Marker:
    """The marker; raises StateError where it tells of records that are not the sender's own.

    One that tells of nothing that waits does no harm, whosever it is.
    """
    if marker.number > past.settled and (marker.number > past.handed or marker.token not in past.tokens):
        raise StateError(
            f"{where}: has got more from here than this state tells of: the output folder is a copy, or an older one "
            "put back; use --fresh to start anew"
        )
    return marker
