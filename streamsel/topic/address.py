"""BROKER/TOPIC: where records go to, or come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from streamsel.errors import UsageError

__all__ = ["Address", "check_topic"]

SERVER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
"""What a broker takes for a topic's name, but for `.` and `..` (Apache Kafka, class Topic)."""


@dataclass(frozen=True, slots=True)
class Address:
    """servers: `host:port` each, of which one must answer. topic: a name."""

    servers: tuple[str, ...]
    topic: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """`host:9092/topic`, or several servers `host:9092,other:9092/topic`. Raises UsageError."""
        servers, _, topic = text.rpartition("/")
        return cls(tuple(filter(None, servers.split(","))), topic)

    def __post_init__(self) -> None:
        wrong = next((one for one in self.servers if not _is_server(one)), None)
        if not self.servers or wrong is not None:
            raise UsageError(f"{wrong or 'no broker'}: expected BROKER/TOPIC, as in localhost:9092/picks")
        check_topic(self.topic)

    def __str__(self) -> str:
        return f"{','.join(self.servers)}/{self.topic}"


def check_topic(name: str) -> str:
    """The name; raises UsageError where no broker would take it."""
    if not TOPIC.fullmatch(name) or name in (".", ".."):
        raise UsageError(f"{name!r} is no topic's name: letters, digits, '.', '_' and '-', at most 249 of them")
    return name


def _is_server(text: str) -> bool:
    found = SERVER.fullmatch(text)
    return found is not None and 0 < int(found[2]) < 65536
