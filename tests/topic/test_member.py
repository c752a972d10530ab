"""A member of a group on a real broker: what it reads, what it commits, and what others see of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from streamsel.errors import StateError
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_reading import committed
from streamsel.topic import Finished, Message, Record
from streamsel.topic.changelog import Changelog
from streamsel.topic.connection import Connection
from streamsel.topic.member import Lost, Member

pytestmark = pytest.mark.xdist_group("kafka")

Join = Callable[..., Member]


@pytest.fixture
def topic(broker: Served, topic_name: str) -> str:
    """With four partitions, and twenty records in each."""
    broker.create(topic_name, 4)
    broker.create(f"{topic_name}.out", 1)
    broker.create(f"{topic_name}.state", 4, cleanup_policy="compact")
    producer = KafkaProducer(bootstrap_servers=list(broker.servers))
    for number in range(80):
        producer.send(topic_name, b"%d" % number, key=b"key", partition=number % 4)
    producer.flush()
    producer.close()
    return topic_name


@pytest.fixture
def join(broker: Served, topic: str) -> Iterator[Join]:
    members: list[Member] = []

    def joined(instance: str | None = None, **options: int) -> Member:
        connection = Connection(broker.servers)
        members.append(
            Member(connection, topic, f"{topic}.state", group=topic, instance=instance, session=6, **options)
        )
        return members[-1]

    yield joined
    for member in members:
        member.close(1.0)


def started(member: Member, partitions: int) -> dict[int, dict[bytes, bytes]]:
    """Polls until it reads so many partitions, each from where its state says; the states."""
    states: dict[int, dict[bytes, bytes]] = {}
    while len(member.owned) < partitions:
        for partition in member.poll(1.0).gained:
            states[partition] = member.restore(partition)
            member.start_at(partition, int(states[partition].get(b"next", 0)))
    return states


def polled(member: Member) -> list[Message]:
    return [message for some in member.poll(5.0).messages.values() for message in some]


def finished(topic: str, messages: list[Message]) -> Finished:
    """What echoes messages."""
    offsets = {one.partition: one.offset + 1 for one in messages}
    records = [(f"{topic}.out", Record(one.key or b"", one.value)) for one in messages]
    return Finished(records, {p: {b"next": b"%d" % offset, b"gone": None} for p, offset in offsets.items()}, offsets)


def test_what_is_committed_is_where_the_next_one_begins(broker: Served, topic: str, join: Join) -> None:
    first = join("a", most_records=30)
    assert started(first, 4) == {0: {}, 1: {}, 2: {}, 3: {}}
    seen = polled(first)
    assert 0 < len(seen) <= 30
    first.commit(finished(topic, seen))
    dropped = polled(first)
    first.close()
    second = join("a")
    states = started(second, 4)
    assert {p: int(state[b"next"]) for p, state in states.items() if state} == finished(topic, seen).offsets
    while len(seen) < 80:
        more = polled(second)
        second.commit(finished(topic, more))
        seen += more
    assert dropped
    assert sorted(one.value for one in committed(broker.servers, f"{topic}.out")) == sorted(one.value for one in seen)
    assert second.lag() == dict.fromkeys(range(4), 0)


def breathe_until_half_is_left(one: Member, two: Member) -> None:
    while len(one.owned) > 2:
        two.poll(0.1)
        one.breathe()


def test_a_breath_lets_others_in_and_tells_what_is_theirs(topic: str, join: Join) -> None:
    one = join("one")
    started(one, 4)
    seen = polled(one)
    breathe_until_half_is_left(one, join("two"))
    lost = set(range(4)) - one.owned
    with pytest.raises(Lost):
        one.commit(finished(topic, [message for message in seen if message.partition in lost] or seen))


def test_what_is_kept_over_a_breath_is_committed(broker: Served, topic: str, join: Join) -> None:
    one = join("one")
    started(one, 4)
    seen = polled(one)
    breathe_until_half_is_left(one, join("two"))
    kept = [message for message in seen if message.partition in one.owned]
    one.commit(finished(topic, kept))
    assert len(committed(broker.servers, f"{topic}.out")) == len(kept)


def test_a_breath_reads_nothing(topic: str, join: Join) -> None:
    member = join("a", most_records=10)
    started(member, 4)
    seen = polled(member)
    while len(seen) < 80:
        member.breathe()
        seen += polled(member)
    assert sorted((one.partition, one.offset) for one in seen) == [(p, o) for p in range(4) for o in range(20)]


def test_records_deleted_unread_are_told_of(
    broker: Served, topic: str, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(broker.servers))
    admin.delete_records({TopicPartition(topic, 2): 5})
    admin.close()
    member = join("a")
    while not member.poll(1.0).gained:
        pass
    with caplog.at_level(logging.WARNING, "streamsel.topic"):
        assert [member.start_at(partition, 3) for partition in range(4)] == [3, 3, 5, 3]
    assert f"{topic}-2: 2 records were deleted before they were read" in caplog.text


def test_state_ahead_of_its_topic_is_refused(topic: str, join: Join) -> None:
    member = join("a")
    while not member.poll(1.0).gained:
        pass
    with pytest.raises(StateError, match="it is another topic of that name"):
        member.start_at(0, 21)


def test_state_of_a_topic_that_was_made_anew_is_refused(broker: Served, topic: str, join: Join) -> None:
    first = join("a")
    started(first, 4)
    seen = polled(first)
    first.commit(finished(topic, seen))
    first.commit(finished(topic, seen))
    first.close()
    admin = KafkaAdminClient(bootstrap_servers=list(broker.servers))
    admin.delete_topics([topic])
    while topic in admin.list_topics():
        pass
    broker.create(topic, 4)
    second = join("a")
    while not (gained := second.poll(1.0).gained):
        pass
    read = {one.partition for one in seen} & set(gained)
    with pytest.raises(StateError, match=r"was made anew since the state in .*: it is another topic of that name"):
        second.restore(min(read))
    assert all(second.restore(one) == {} for one in set(gained) - read)


def test_partitions_added_to_the_changelog_are_found_at_once(broker: Served, topic: str) -> None:
    broker.create(f"{topic}.narrow", 1, cleanup_policy="compact")
    changelog = Changelog(Connection(broker.servers), f"{topic}.narrow")
    try:
        assert changelog.read(0) == {}
        admin = KafkaAdminClient(bootstrap_servers=list(broker.servers))
        admin.create_partitions({f"{topic}.narrow": 3})
        admin.close()
        assert changelog.read(2) == {}
    finally:
        changelog.close()


def test_a_changelog_with_too_few_partitions_is_refused(broker: Served, topic: str) -> None:
    broker.create(f"{topic}.narrow", 1, cleanup_policy="compact")
    member = Member(Connection(broker.servers), topic, f"{topic}.narrow", group=topic)
    try:
        assert member.restore(0) == {}
        with pytest.raises(StateError, match="too few for partition 1"):
            member.restore(1)
    finally:
        member.close()
