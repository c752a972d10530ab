"""topic: Kafka topics: picks as records, records as pictures, and the transactions between them.

What is on the wire is CloudEvents in binary mode (CNCF CloudEvents 1.0.2, Kafka protocol binding): a Record's value is
the picture, its headers say what it is. `Delivery` sends what an outbox holds, each record once. A `Member` is one
consumer of a group: it reads, and sends what came of it together with its offsets, all of it or nothing.

Nothing here is imported unless a topic is named. Blocking calls end by a stated time. Errors of the client become
SinkError or SourceError, one line without secrets; `Lost` says that a member has to be built anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Finished", "Message", "Polled", "Record"]

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """What is sent: key, value (None: nothing, where headers say where the picture lies), and headers in order."""

    key: bytes
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of all parts, without the broker's framing."""
        return (
            len(self.key)
            + len(self.value or b"")
            + sum(len(name.encode()) + len(value) for name, value in self.headers)
        )


@dataclass(frozen=True, slots=True)
class Message:
    """What was read. timestamp: milliseconds since 1970 (UTC), as its producer or the broker says.

    refused: why it was not unpacked; then it has neither key nor value, and may stand for all of its batch.
    """

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll gave: messages by partition, in order of offset; partitions that came and went since the last."""

    messages: Mapping[int, Sequence[Message]]
    gained: Sequence[int] = ()
    lost: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """What is committed in one transaction, all of it or nothing.

    records: topic and record, in the order sent. state: partition -> changelog entries, key -> value (None: gone).
    offsets: partition -> offset to read next.
    """

    records: Sequence[tuple[str, Record]] = ()
    state: Mapping[int, Mapping[bytes, bytes | None]] = field(default_factory=dict)
    offsets: Mapping[int, int] = field(default_factory=dict)
