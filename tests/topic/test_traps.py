"""What kafka-python (3.0.12) does that loses or doubles records: each is brought about on a real broker.

A Member survives it: what it commits is seen once, and what it does not commit is Lost, for its successor to do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.consumer.group import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor

from streamsel.errors import SinkError
from streamsel.testing.kafka_broker import Broker, Served
from streamsel.testing.kafka_reading import committed
from streamsel.testing.service_process import wait_for
from streamsel.topic import Finished, Message, Record
from streamsel.topic import member as members
from streamsel.topic.changelog import SOURCE
from streamsel.topic.connection import Connection
from streamsel.topic.member import Lost, Member

pytestmark = pytest.mark.xdist_group("kafka")

PARTITIONS = 2
SESSION = 6.0
"""The shortest that brokers allow."""


@dataclass
class Group:
    """A group with a topic of two partitions, one record in each, whose members send on what they read."""

    broker: Served
    name: str
    stack: ExitStack

    def __post_init__(self) -> None:
        for topic in (self.name, self.picks, self.changelog):
            self.broker.create(topic, PARTITIONS)
        producer = KafkaProducer(bootstrap_servers=list(self.broker.servers))
        for partition in range(PARTITIONS):
            producer.send(self.name, b"record %d" % partition, partition=partition).get(timeout=30)
        producer.close()

    @property
    def picks(self) -> str:
        return f"{self.name}.picks"

    @property
    def changelog(self) -> str:
        return f"{self.name}.state"

    def member(self, instance: str | None = None) -> Member:
        connection = Connection(self.broker.servers)
        options: dict[str, Any] = {"group": self.name, "instance": instance, "session": SESSION}
        made = Member(connection, self.name, self.changelog, **options)
        self.stack.callback(made.close, 0.5)
        return made

    def started(self, instance: str | None = None) -> tuple[Member, list[Message]]:
        """A member that has all partitions, and what it read of them."""
        member = self.member(instance)
        return member, read(member)

    def offsets(self) -> dict[int, int]:
        with closing(KafkaAdminClient(bootstrap_servers=list(self.broker.servers))) as admin:
            found = admin.list_group_offsets({self.name: None})[self.name]
        return {place.partition: one.offset for place, one in found.items()}

    def values(self, topic: str | None = None) -> list[bytes]:
        """Of records sent, or of states; not of what says which topic the states are of."""
        records = committed(self.broker.servers, topic or self.picks)
        return sorted(record.value for record in records if record.key != SOURCE)

    def done(self, messages: list[Message]) -> Finished:
        """Each sent on, with a state, and the offset behind it."""
        return Finished(
            [(self.picks, Record(b"camera", one.value)) for one in messages],
            {one.partition: {b"state": one.value} for one in messages},
            {one.partition: one.offset + 1 for one in messages},
        )

    def assert_once(self) -> None:
        expected = [b"record 0", b"record 1"]
        assert self.values() == self.values(self.changelog) == expected
        assert self.offsets() == {0: 1, 1: 1}


def read(member: Member) -> list[Message]:
    """Polls, and starts what it gains, until it has read the one record of each partition."""
    found: list[Message] = []

    def complete() -> bool:
        polled = member.poll(0.5)
        for partition in polled.gained:
            member.restore(partition)
            member.start_at(partition, None)
        found.extend(one for some in polled.messages.values() for one in some)
        return len(found) == PARTITIONS

    wait_for(complete)
    return sorted(found, key=lambda one: one.partition)


def producer(member: Member) -> Any:
    """What it keeps to itself."""
    return member._transactions._producer


@pytest.fixture
def group(broker: Served, topic_name: str) -> Iterator[Group]:
    with ExitStack() as stack:
        yield Group(broker, topic_name, stack)


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One that can be paused."""
    with Broker(tmp_path_factory.mktemp("own")) as broker:
        yield broker


@pytest.fixture
def own_group(own_broker: Broker, topic_name: str) -> Iterator[tuple[Group, Broker]]:
    with ExitStack() as stack:
        yield Group(own_broker, topic_name, stack), own_broker


def test_1_offsets_of_a_failed_transaction_are_never_committed(group: Group) -> None:
    member, (first, second) = group.started("a")
    metadata = member._metadata
    member._metadata = metadata._replace(generation_id=metadata.generation_id + 1)
    with pytest.raises(Lost):
        member.commit(group.done([first]))
    member._metadata = metadata
    with pytest.raises(Lost):  # whoever tries all the same would commit the offset of the first, too
        member.commit(group.done([second]))
    member.close(0.5)
    successor, (first, second) = group.started("a")
    successor.commit(group.done([second]))
    assert group.offsets() == {1: 1}
    successor.commit(group.done([first]))
    group.assert_once()


def test_2_a_batch_that_expires_is_no_silent_loss(own_group: tuple[Group, Broker]) -> None:
    group, broker = own_group
    member, messages = group.started("a")
    producer(member)._accumulator.config["delivery_timeout_ms"] = 500
    for topic in (group.picks, group.changelog):
        producer(member).partitions_for(topic)
    broker.pause()
    resumed = threading.Timer(1.5, broker.resume)
    resumed.start()
    with pytest.raises(Lost):
        member.commit(group.done(messages))
    resumed.join()
    member.close(0.5)
    successor, messages = group.started("a")
    successor.commit(group.done(messages))
    group.assert_once()


def test_3_a_zombie_cannot_commit_what_another_has(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(members, "LONGEST_WORK", 2.0)
        zombie, messages = group.started()
    wait_for(lambda: zombie._consumer.group_metadata().generation_id < 0)  # it is out of the group, and is not told
    successor, same = group.started()
    assert [one.value for one in same] == [one.value for one in messages]
    with pytest.raises(Lost):
        zombie.commit(group.done(messages))
    assert group.values() == []
    successor.commit(group.done(same))
    group.assert_once()


def test_3_without_a_generation_nothing_is_begun(group: Group) -> None:
    member, messages = group.started()
    member._metadata = member._metadata._replace(generation_id=-1, member_id="")
    with pytest.raises(Lost, match="gone on without"):
        member.commit(group.done(messages))
    assert group.offsets() == {}


def test_4_a_fenced_member_cannot_commit_though_nothing_tells_it(group: Group) -> None:
    fenced, messages = group.started("a")
    _, same = group.started("a")
    with pytest.raises((Lost, SinkError)):
        fenced.commit(group.done(messages))
    assert group.values() == []
    assert [one.value for one in same] == [one.value for one in messages]


def test_5_whom_a_zombie_fences_is_built_anew(group: Group) -> None:
    zombie, messages = group.started("a")
    producer(zombie).begin_transaction()
    producer(zombie).send(group.picks, value=b"before").get(timeout=30)
    successor, same = group.started("a")
    with pytest.raises((Lost, SinkError)):
        zombie.commit(group.done(messages))
    try:
        successor.commit(group.done(same))
    except Lost:
        successor.close(0.5)
        successor, same = group.started("a")
        successor.commit(group.done(same))
    group.assert_once()


def test_6_rebalances_are_told_by_poll_in_the_thread_of_the_caller(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = []
    assigned = members.Rebalances.on_partitions_assigned

    def noted(self: Any, partitions: Any) -> None:
        callers.append(threading.current_thread())
        assigned(self, partitions)

    monkeypatch.setattr(members.Rebalances, "on_partitions_assigned", noted)
    group.started()  # restores and seeks, which fails in the thread that tells of partitions
    assert callers
    assert threading.current_thread() not in callers


def test_7_what_a_member_leaves_open_is_aborted_by_the_next_of_its_name(group: Group) -> None:
    member, messages = group.started("a")
    producer(member).begin_transaction()
    producer(member).send(group.picks, value=b"never").get(timeout=30)
    member.close(0.5)
    successor, messages = group.started("a")
    successor.commit(group.done(messages))
    group.assert_once()


def test_7_leaving_ends_though_the_broker_stands_still(own_group: tuple[Group, Broker]) -> None:
    group, broker = own_group
    member, _ = group.started("a")
    producer(member).begin_transaction()
    producer(member).send(group.picks, value=b"never").get(timeout=30)
    broker.pause()
    producer(member).send(group.picks, value=b"neither")
    member.close(0.5)
    broker.resume()


def test_8_whatever_comes_after_fencing_is_told_as_what_it_is(group: Group) -> None:
    fenced, messages = group.started("a")
    group.started("a")
    for _ in range(3):  # the first error tells of fencing, those after it of nothing
        with pytest.raises((Lost, SinkError)):
            fenced.commit(group.done(messages))
    assert group.values() == []


def test_9_another_way_of_sharing_partitions_is_told_at_once(group: Group) -> None:
    other = KafkaConsumer(
        group.name,
        bootstrap_servers=list(group.broker.servers),
        group_id=group.name,
        group_instance_id="other",
        partition_assignment_strategy=[RangePartitionAssignor],
    )
    with closing(other):
        wait_for(lambda: other.poll(timeout_ms=200) or other.assignment())
        member = group.member("a")
        with pytest.raises(SinkError, match="share partitions in another way"):
            read(member)


class Unknowing:
    """A cluster of which nothing is known yet."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def partitions_for_topic(self, topic: str) -> None:
        return None


def test_a_leader_that_died_too_early_leaves_nobody_without_partitions(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign = CooperativeStickyAssignor.assign

    shared: list[int] = []

    def nothing(self: Any, cluster: Any, told: Any) -> Any:
        shared.append(len(told))
        return assign(self, Unknowing(cluster), told)

    with monkeypatch.context() as patch:
        patch.setattr(CooperativeStickyAssignor, "assign", nothing)
        first = group.member("a")
        wait_for(lambda: first._consumer.poll(timeout_ms=5) or shared)
        first._consumer.poll(timeout_ms=200)  # it knows of no partition by now, and so does the broker
        first.close(0.5)
    group.started("a")


def begun(member: Member) -> set[int]:
    """Partitions that it reads, once it has polled and started what it gained."""
    for partition in member.poll(0.2).gained:
        member.restore(partition)
        member.start_at(partition, None)
    return set(member.owned)


def test_who_died_before_it_gave_partitions_up_leaves_none_without_a_member(group: Group) -> None:
    first, _ = group.started("a")
    other = group.member("b")
    wait_for(lambda: begun(other) or first.poll(0.2).lost)
    first.close(0.5)
    second = group.member("a")
    wait_for(lambda: begun(other) | begun(second) == set(range(PARTITIONS)))


def test_a_leader_that_joins_since_partitions_were_added_ends_it(group: Group) -> None:
    leader, _ = group.started()
    coordinator = leader._consumer._coordinator
    with closing(KafkaAdminClient(bootstrap_servers=list(group.broker.servers))) as admin:
        admin.create_partitions({group.name: PARTITIONS + 1})

    def begins_to_join() -> bool:
        leader._consumer._cluster.request_update()
        leader._look(0.0, 1)
        return coordinator._join_task is not None

    wait_for(begins_to_join)
    wait_for(lambda: coordinator._join_task.is_done)  # it shares partitions out, while nobody polls
    wait_for(lambda: leader.poll(0.2).gained == [PARTITIONS])
