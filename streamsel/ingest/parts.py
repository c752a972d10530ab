"""What the ingest loop is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from streamsel.daemon.metrics import Metrics
from streamsel.embed import Embedder
from streamsel.ingest.emitting import Output
from streamsel.ingest.pictures import Pictures
from streamsel.lanes.lane import Lane
from streamsel.topic import Finished, Message, Polled, Record

__all__ = ["GroupMember", "Parts"]


class GroupMember(Protocol):
    """What the loop wants of `streamsel.topic.member.Member`, which says what each of these does."""

    @property
    def owned(self) -> frozenset[int]:
        """Partitions that may be committed."""
        ...

    def poll(self, seconds: float, gather: float = 0.0) -> Polled:
        """Messages, and what a rebalance changed."""
        ...

    def breathe(self) -> None:
        """Sign of life."""
        ...

    def restore(self, partition: int) -> dict[bytes, bytes]:
        """State of a partition gained."""
        ...

    def start_at(self, partition: int, offset: int | None) -> int:
        """Where to read a partition gained from."""
        ...

    def again(self, partition: int, offset: int) -> Message | None:
        """A record that was read before."""
        ...

    def commit(self, finished: Finished) -> None:
        """All of it or nothing."""
        ...

    def lag(self) -> Mapping[int, int]:
        """Records to be read."""
        ...

    def trouble(self) -> str:
        """Why no broker answers; empty while one does."""
        ...

    def close(self, seconds: float = 5.0) -> None:
        """Leave."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """member: joins the group anew. lane: of a partition, made from its changelog's entries.

    embeds: whether anything reads vectors. letter: the record that tells of a message that could not be used, and why.
    records, size: frames, and about how many bytes of them, that are decided and committed at once. gather: seconds
    that are waited for more of them.
    """

    member: Callable[[], GroupMember]
    lane: Callable[[int, Mapping[bytes, bytes]], Lane]
    pictures: Pictures
    embedder: Embedder
    embeds: bool
    output: Output
    letter: Callable[[Message, str], tuple[str, Record]]
    metrics: Metrics
    records: int
    size: int
    gather: float
