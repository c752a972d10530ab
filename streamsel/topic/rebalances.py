"""What a rebalance changed, told by the client's thread and acted on by the caller's."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

from kafka import ConsumerRebalanceListener  # type: ignore[import-untyped]

__all__ = ["Rebalances"]


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Queues what the group assigns and takes away: the client must not be called where it tells of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gained: set[int] = set()
        self._lost: set[int] = set()

    def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        """Called by the client."""
        with self._lock:
            self._gained |= {place.partition for place in assigned}

    def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """Called by the client."""
        with self._lock:
            gone = {place.partition for place in revoked}
            self._gained -= gone
            self._lost |= gone

    def on_partitions_lost(self, lost: Collection[Any]) -> None:
        """Called by the client when the group has gone on without this member."""
        self.on_partitions_revoked(lost)

    def take(self) -> tuple[list[int], list[int]]:
        """Partitions gained and lost since the last call; one that was lost and came back is in both."""
        with self._lock:
            gained, lost = sorted(self._gained), sorted(self._lost)
            self._gained, self._lost = set(), set()
            return gained, lost
