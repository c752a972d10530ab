"""Whether brokers answer: noted as bytes come and connections fail, asked by whoever waits for records.

The client itself tells nobody (kafka-python 3.0.12): while all brokers are away its polls give nothing, as they do
where there is nothing to read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from kafka.errors import KafkaConnectionError  # type: ignore[import-untyped]

__all__ = ["SILENT", "Hearing", "UnansweredError", "unanswered"]

SILENT: Final = 15.0
"""Seconds since a connection failed and no broker answered on any, after which none of them answers."""


class Hearing:
    """What one client heard last. node: what the client calls a broker, or a connection to it. ticks: never jump.

    The client's thread notes, others ask.
    """

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._failed: set[object] = set()
        self._since: tuple[float, BaseException] | None = None
        """When the first connection failed since a broker answered last, and how."""

    def answered(self, node: object) -> None:
        """Bytes came from there."""
        self._failed.discard(node)
        self._since = None

    def failed(self, node: object, error: BaseException) -> None:
        """A connection was lost, or not made; a request without an answer in time ends its connection, too."""
        self._failed.add(node)
        self._since = (self._ticks() if self._since is None else self._since[0]), error

    def lacks(self, node: object) -> bool:
        """Whether that one failed, and has not answered since."""
        return node in self._failed

    @property
    def trouble(self) -> BaseException | None:
        """The latest failure, where no broker has answered for `SILENT` seconds since the first."""
        since = self._since
        return since[1] if since is not None and self._ticks() - since[0] >= SILENT else None


class UnansweredError(KafkaConnectionError):  # type: ignore[misc]
    """A client that could not begin: no broker let it in for as long as it waits."""


def unanswered(error: BaseException | None) -> bool:
    """Whether that is what went wrong. Looks at causes."""
    while error is not None:
        if isinstance(error, UnansweredError):
            return True
        error = error.__cause__
    return False
