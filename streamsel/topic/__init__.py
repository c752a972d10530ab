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
from typing import Protocol

__all__ = ["Finished", "Message", "Polled", "Record", "nbytes_of"]


class Held(Protocol):
    """A record of ours, or of the client."""

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


def nbytes_of(record: Held) -> int:
    """Bytes of all parts of a record: key, value, names and values of headers; without the broker's framing."""
    headers = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


@dataclass(frozen=True, slots=True)
class Record:
    """What is sent: key, value (None: nothing, where headers say where the picture lies), and headers in order."""

    key: bytes
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def nbytes(self) -> int:
        """See `nbytes_of`."""
        return nbytes_of(self)


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
