"""A member of a group: it reads, and sends what came of it together with its offsets, all of it or nothing.

The order of calls is what makes it exact (KIP-98, KIP-447; tried against a real broker): `poll`, then `restore` and
`start_at` for each partition gained, then `commit`. Offsets alone would not do: a zombie must not be able to commit,
and a successor must not read before its predecessor's transaction is over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from kafka import TopicPartition  # type: ignore[import-untyped]
from kafka.errors import KafkaError  # type: ignore[import-untyped]
from kafka.structs import MemberState  # type: ignore[import-untyped]

from streamsel.errors import SinkError, StateError
from streamsel.topic import Finished, Message, Polled, nbytes_of
from streamsel.topic.again import Again
from streamsel.topic.changelog import Changelog
from streamsel.topic.explaining import explanation
from streamsel.topic.losing import Lost, losing
from streamsel.topic.membership import Membership
from streamsel.topic.origin import Origin
from streamsel.topic.rebalances import Rebalances
from streamsel.topic.standing import replaced
from streamsel.topic.transactions import Transactions
from streamsel.topic.unpacking import message_of

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection

__all__ = ["Lost", "Member"]

log: Final = logging.getLogger("streamsel.topic")

LONGEST_WORK: Final = 300.0
"""Seconds between two polls or breaths after which the group goes on without this member."""

STEP: Final = 0.25
"""Seconds of one look for messages: the client does not return early for a rebalance."""


class Member:
    """One consumer and one transactional producer, which live and end together.

    topic: what is read. changelog: a topic with as many partitions. instance: a name that no other member has, kept
    over restarts: a restart then moves no partitions, and at once aborts what the earlier process left open. None: a
    new name at each start. session: seconds without a sign of life after which others take over. most_records: of one
    poll; most_bytes: of what is fetched and not yet polled, about; a single record may always be larger. most_unpacked:
    bytes of a compressed batch when it is unpacked; one that has more is a message that was refused, its last.

    One thread calls it. Any error of the client is Lost, or SinkError where no new member would fare better.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        changelog: str,
        *,
        group: str,
        instance: str | None = None,
        session: float = 30.0,
        most_records: int = 128,
        most_bytes: int = 32_000_000,
        most_unpacked: int = 32_000_000,
    ) -> None:
        self.topic, self._connection, self._group, self._instance = topic, connection, group, instance
        self._most_records, self._most_bytes, self._most_unpacked = most_records, most_bytes, most_unpacked
        self._changelog = Changelog(connection, changelog)
        self._again = Again(connection, topic, most_unpacked)
        self._origin = Origin(self._changelog, self._id)
        self._rebalances = Rebalances()
        self._started: set[int] = set()
        self._gained: list[int] = []
        self._lost: list[int] = []
        self._metadata: Any = None
        self._where = f"{','.join(connection.servers)}/{topic}"
        with losing(self._where):
            self._transactions = Transactions(connection, f"{group}.{instance or uuid4()}")
            try:
                self._consumer = self._joined(session)
                self._membership = Membership(self._consumer, named=instance is not None)
            except BaseException:
                self._transactions.close(0)
                raise

    def _joined(self, session: float) -> Any:
        size = self._most_bytes
        consumer = self._connection.consumer(
            group_id=self._group,
            group_instance_id=self._instance,
            session_timeout_ms=int(session * 1000),
            heartbeat_interval_ms=int(min(session / 3, 3.0) * 1000),
            max_poll_interval_ms=int(LONGEST_WORK * 1000),
            max_poll_records=self._most_records,
            fetch_max_bytes=size,
            max_partition_fetch_bytes=max(min(size, 1 << 20), size // 8),
            metadata_max_age_ms=60_000,
            most_unpacked=self._most_unpacked,
        )
        consumer.subscribe([self.topic], listener=self._rebalances)
        return consumer

    @property
    def owned(self) -> frozenset[int]:
        """Partitions that it reads: gained, started, and not lost since, as of the last poll or breath."""
        return frozenset(self._started)

    def poll(self, seconds: float, gather: float = 0.0) -> Polled:
        """Waits at most so long for messages or a rebalance, and then `gather` seconds for more messages.

        Partitions gained give no messages until `start_at`; what is not committed of a partition lost is another's.
        """
        found, deadline = _Found(), time.monotonic() + seconds
        while not (found.count or self._gained or self._lost) and (left := deadline - time.monotonic()) > 0:
            found.add(self._look(min(left, STEP), self._most_records))
        deadline = time.monotonic() + gather
        while found.count and (left := deadline - time.monotonic()) > 0:
            if found.count >= self._most_records or found.nbytes >= self._most_bytes:
                break
            found.add(self._look(left, self._most_records - found.count))
        messages = {one: some for one, some in found.messages.items() if one in self._started}
        if messages and self._metadata.generation_id < 0:
            raise Lost("the group has gone on without this member")
        polled = Polled(messages, self._gained, self._lost)
        self._gained, self._lost = [], []
        return polled

    def breathe(self) -> None:
        """Tells the group that it lives and takes part in a rebalance, in the midst of work: call it every second.

        Reads nothing. Partitions lost meanwhile are no longer `owned`, and the next `poll` tells of them.
        """
        self._consumer.pause(*self._consumer.assignment())
        self._look(0.0, 1)
        deadline = time.monotonic() + STEP
        while self._metadata.state != MemberState.STABLE and time.monotonic() < deadline:
            self._look(STEP / 10, 1)  # there is a rebalance, which takes two answers of the group
        self._consumer.resume(*self._consumer.assignment())

    def restore(self, partition: int) -> dict[bytes, bytes]:
        """What is committed of a partition's state, by any member; waits for transactions that are still open.

        Raises StateError for the state of another topic of the same name, where the broker has ids (2.8 or later).
        """
        with losing(self._where):
            entries = self._changelog.read(partition)
        if self._origin.differs(partition):
            raise StateError(f"{self.topic}-{partition}: was made anew since the state {self._elsewhere}")
        return entries

    def start_at(self, partition: int, offset: int | None) -> int:
        """Reads a gained partition from there on; None: from where the group stands, else from its beginning.

        Gives the offset, which is larger where records were deleted before anybody read them. Raises StateError for
        an offset that the partition has not come to: it is another topic of the same name. One that was lost in a
        breath since it was gained is not started, and the next `poll` tells of it.
        """
        place = self._place(partition)
        if place not in self._consumer.assignment():
            return offset or 0
        with losing(self._where):
            if offset is None:
                offset = self._consumer.committed(place, timeout_ms=30_000)
            first = self._consumer.beginning_offsets([place])[place]
            end = self._consumer.end_offsets([place])[place]
            offset = first if offset is None else offset
            if offset > end:
                raise StateError(
                    f"{self.topic}-{partition}: ends at {end}, {offset - end} records before the state"
                    f" {self._elsewhere}"
                )
            if offset < first:
                log.warning(
                    "%s-%d: %d records were deleted before they were read", self.topic, partition, first - offset
                )
            start = max(offset, first)
            self._consumer.seek(place, start)
            self._consumer.resume(place)
        self._started.add(partition)
        return int(start)

    def commit(self, finished: Finished) -> None:
        """Commits records, state and offsets in one transaction; raises Lost when it was not, or may not have been.

        Raises SinkError where another process has taken this member's name: were it built anew, it would take the name
        back, and so on without end.
        """
        try:
            self._commit(finished)
        except Lost:
            self._check_instance()
            raise

    def _check_instance(self) -> None:
        """Raises SinkError where another process goes by this member's name."""
        member = self._metadata.member_id
        if self._instance and member and replaced(self._connection, self._group, self._instance, member):
            raise SinkError(
                f"{self._where}: another process runs as instance {self._instance}: give each its own name"
            ) from None

    def _commit(self, finished: Finished) -> None:
        if self._metadata.generation_id < 0 or not self._started.issuperset(finished.offsets):
            raise Lost("the group has gone on without this member")
        offsets = {self._place(one): offset for one, offset in finished.offsets.items()}
        if any(map(self._origin.differs, finished.offsets)):
            raise Lost(f"{self._where}: the topic was removed, and made anew")
        told = self._origin.told(finished)
        with losing(self._where):
            self._transactions.commit(told, self._changelog.topic, offsets, self._metadata)
        self._origin.committed(told)

    def again(self, partition: int, offset: int) -> Message | None:
        """A record that was read before; None where it is not there any more, as by retention."""
        with losing(self._where):
            return self._again.message(partition, offset)

    def lag(self) -> Mapping[int, int]:
        """Records of each started partition that are not polled yet, as far as the last fetch could tell.

        Without those of which nobody knows, for whoever leads them is away.
        """
        led = [one for one in self._started if self._led(one)]
        known = {one: (self._consumer.highwater(self._place(one)), self._position(one)) for one in led}
        return {one: max(0, end - position) for one, (end, position) in known.items() if None not in (end, position)}

    def trouble(self) -> str:
        """Why no broker has answered for so long that none seems to be there; empty while one does."""
        error = self._consumer.hearing.trouble
        return "" if error is None else f"{self._where}: {explanation(error, spoken=True)}"

    def close(self, seconds: float = 5.0) -> None:
        """Leaves: a member without a name hands its partitions over at once; a transaction still open is left so."""
        self._changelog.close()
        self._again.close()
        with suppress(KafkaError, OSError, RuntimeError):
            self._consumer.close(autocommit=False, timeout_ms=int(seconds * 1000))
        self._transactions.close(min(seconds, 1.0))

    def _look(self, seconds: float, records: int) -> Mapping[Any, Any]:
        with losing(self._where):
            polled: Mapping[Any, Any] = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=records)
            self._metadata = self._membership.follow(working=bool(self._started))
        if self._membership.fenced:
            self._check_instance()
            raise Lost("the group has gone on without this member")
        gained, lost = self._rebalances.take()
        self._started.difference_update(lost)
        self._gained = [one for one in self._gained if one not in lost] + gained
        self._lost += lost
        return polled

    def _id(self) -> bytes:
        """Of the topic that is read; empty where the broker gives none."""
        known = self._consumer._cluster.topic_id(self.topic)
        return known.bytes if known is not None and known.int else b""

    @property
    def _elsewhere(self) -> str:
        return f"in {self._changelog.topic}: it is another topic of that name; name another state topic, and group"

    def _led(self, partition: int) -> bool:
        leader = self._consumer._cluster.leader_for_partition(self._place(partition))
        return leader not in (None, -1) and not self._consumer.hearing.lacks(leader)

    def _position(self, partition: int) -> Any:
        with suppress(KafkaError, AssertionError):
            return self._consumer.position(self._place(partition), timeout_ms=0)

    def _place(self, partition: int) -> Any:
        return TopicPartition(self.topic, partition)


class _Found:
    """Messages of several looks, by partition."""

    def __init__(self) -> None:
        self.messages: dict[int, list[Message]] = {}
        self.count = self.nbytes = 0

    def add(self, polled: Mapping[Any, Any]) -> None:
        for place, records in polled.items():
            self.messages.setdefault(place.partition, []).extend(map(message_of, records))
            self.count += len(records)
            self.nbytes += sum(map(nbytes_of, records))
