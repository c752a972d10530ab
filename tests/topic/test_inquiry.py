"""What a broker answers before anything is done, and that asking changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)

from streamsel.errors import SinkError
from streamsel.testing.kafka_broker import Broker, Served
from streamsel.topic import inquiry
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained
from streamsel.topic.member import Lost, Member
from streamsel.topic.security import Security

pytestmark = pytest.mark.xdist_group("kafka")


@pytest.fixture
def connection(broker: Served) -> Connection:
    return Connection(broker.servers)


def test_who_answers(connection: Connection) -> None:
    cluster = inquiry.cluster(connection)
    assert cluster.brokers >= 1
    assert cluster.name == inquiry.cluster(connection).name != ""


def test_a_topic_or_none(broker: Served, connection: Connection, topic_name: str) -> None:
    assert inquiry.topic(connection, topic_name) is None
    broker.create(topic_name, 3)
    found = inquiry.topic(connection, topic_name)
    assert found is not None
    assert found.partitions == 3


def test_asking_whether_a_topic_could_be_made_makes_none(connection: Connection, topic_name: str) -> None:
    made = inquiry.unmade(connection, topic_name, 2, compacted=True)
    assert (made.partitions, made.largest, made.compacted, made.replicas) == (2, 1_048_588, True, 1)
    assert inquiry.topic(connection, topic_name) is None


def test_a_topic_that_could_not_be_made(broker: Served, connection: Connection, topic_name: str) -> None:
    broker.create(topic_name)
    with pytest.raises(TopicAlreadyExistsError):
        inquiry.unmade(connection, topic_name, 1)
    with pytest.raises(KafkaError):
        inquiry.unmade(connection, f"{topic_name}-none", 0)


def test_a_group_before_with_and_after_members(broker: Served, connection: Connection, topic_name: str) -> None:
    broker.create(topic_name)
    nobody = inquiry.Group("", (), True)
    assert inquiry.group(connection, topic_name) == nobody
    member = connection.consumer(topic_name, group_id=topic_name, group_instance_id="one")
    try:
        while not member.assignment():
            member.poll(timeout_ms=200)
        assert inquiry.group(connection, topic_name) == inquiry.Group("cooperative-sticky", ("one",), True)
        assert member.assignment(), "asking took its partitions"
    finally:
        member.close()


def test_transactions_are_seen_and_not_fenced(broker: Served, connection: Connection, topic_name: str) -> None:
    broker.create(topic_name)
    inquiry.check_transactions(connection, topic_name)
    producer = connection.producer(topic_name)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic_name, key=b"k", value=b"v").get(timeout=10)
    inquiry.check_transactions(connection, topic_name)
    producer.commit_transaction()
    producer.close()


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Connection]]:
    """A broker with rules, and somebody who may log in and nothing else."""
    with Broker(tmp_path_factory.mktemp("guarded"), secure=True) as broker:
        safety = broker.safety
        login = {"username": safety.guest, "password": safety.guest_password, "ca": safety.ca}
        yield broker, Connection(broker.servers, Security("SASL_SSL", "SCRAM-SHA-512", **login))


def test_what_is_not_allowed_is_refused(guest: tuple[Broker, Connection]) -> None:
    broker, connection = guest
    broker.create("hidden")
    assert inquiry.cluster(connection).brokers == 1
    with pytest.raises(TopicAuthorizationFailedError):
        inquiry.topic(connection, "hidden")
    with pytest.raises((TopicAuthorizationFailedError, ClusterAuthorizationFailedError)):
        inquiry.unmade(connection, "new", 1)
    with pytest.raises(GroupAuthorizationFailedError):
        inquiry.group(connection, "group")
    with pytest.raises(TransactionalIdAuthorizationFailedError):
        inquiry.check_transactions(connection, "group.one")


def test_who_may_only_see_transactions_may_send_none(guest: tuple[Broker, Connection]) -> None:
    broker, connection = guest
    admin = KafkaAdminClient(bootstrap_servers=list(broker.open_servers))
    place = ResourcePattern(ResourceType.TRANSACTIONAL_ID, "seen.", ACLResourcePatternType.PREFIXED)
    try:
        for right, sends in ((ACLOperation.DESCRIBE, False), (ACLOperation.WRITE, True)):
            admin.create_acls([ACL("User:guest", "*", right, ACLPermissionType.ALLOW, place)])
            if sends:
                inquiry.check_transactions(connection, "seen.one")
            else:
                with pytest.raises(TransactionalIdAuthorizationFailedError):
                    inquiry.check_transactions(connection, "seen.one")
        assert "seen.one" not in {one.transactional_id for some in admin.list_transactions().values() for one in some}
    finally:
        admin.close()


def test_a_broker_that_cannot_keep_transactions_says_what_to_do(tmp_path: Path) -> None:
    with Broker(tmp_path, settings={"transaction.state.log.replication.factor": 3}) as broker:
        connection = Connection(broker.servers, wait=3.0)
        with pytest.raises(SinkError, match=r"fewer nodes than .*replication\.factor"), explained(broker.servers[0]):
            inquiry.check_transactions(connection, "group.one")
        with pytest.raises(Lost, match=r"fewer nodes than .*replication\.factor"):
            Member(connection, "frames", "state", group="group")
