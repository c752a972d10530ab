"""What a Kafka broker and its clients take for the name of a server and of a topic: the one place that says so."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_server", "is_topic"]

SERVER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
"""What a broker takes for a topic's name, but for `.` and `..` (Apache Kafka, class Topic)."""


def is_server(text: str) -> bool:
    """Whether it is `host:port`, with an address of IPv6 in brackets."""
    found = SERVER.fullmatch(text)
    return found is not None and 0 < int(found[2]) < 65536


def is_topic(text: str) -> bool:
    """Whether it can be the name of a topic; clients take the same for that of an instance."""
    return TOPIC.fullmatch(text) is not None and text not in (".", "..")
