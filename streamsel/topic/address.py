"""BROKER/TOPIC: where records go to, or come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from streamsel.broker_names import is_server, is_topic
from streamsel.errors import UsageError

__all__ = ["Address"]


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
        if any("@" in one for one in (*self.servers, self.topic)):  # not shown: it may hold a password
            raise UsageError(
                "expected BROKER/TOPIC, as in localhost:9092/picks, without user and password: those go to a"
                " --kafka-config file, or into the environment"
            )
        given = ",".join((*self.servers, self.topic)).strip(",")
        if is_server(given.rpartition(",")[2]):
            raise UsageError(f"{given}: names no topic; expected BROKER/TOPIC, as in localhost:9092/picks")
        wrong = next((one for one in self.servers if not is_server(one)), None)
        if not self.servers or wrong is not None:
            raise UsageError(f"{wrong or 'no broker'}: expected BROKER/TOPIC, as in localhost:9092/picks")
        if not is_topic(self.topic):
            raise UsageError(
                f"{self.topic!r} is no topic's name: letters, digits, '.', '_' and '-', at most 249 of them"
            )

    def __str__(self) -> str:
        return f"{','.join(self.servers)}/{self.topic}"
