"""Topics on a real broker: made, described, and what rights are told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from streamsel.errors import SinkError
from streamsel.testing.kafka_broker import Broker
from streamsel.topic import topics
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained
from streamsel.topic.security import Security

pytestmark = pytest.mark.xdist_group("kafka")


@pytest.fixture
def connection(guarded: Broker) -> Connection:
    return Connection(guarded.open_servers)


@pytest.mark.parametrize("compacted", [False, True])
def test_a_missing_topic_is_made_once(compacted: bool, connection: Connection, topic_name: str) -> None:
    made = topics.ensure(connection, topic_name, 3, compacted=compacted)
    assert (made.name, made.partitions, made.compacted, made.replicas) == (topic_name, 3, compacted, 1)
    assert {"READ", "WRITE", "CREATE"} <= made.rights
    assert topics.ensure(connection, topic_name, 7, compacted=not compacted) == made
    assert topics.describe(connection, topic_name) == made


def test_many_may_make_it_at_once(connection: Connection, topic_name: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: topics.ensure(connection, topic_name, 2), range(4)))
    assert made == made[:1] * 4


def test_a_missing_topic_is_told(connection: Connection, topic_name: str) -> None:
    with pytest.raises(SinkError, match="no such topic"), explained(topic_name):
        topics.describe(connection, topic_name)


@pytest.mark.parametrize(("policy", "compacted"), [("delete", False), ("compact", True), ("compact,delete", False)])
def test_limits_are_told(
    policy: str, compacted: bool, guarded: Broker, connection: Connection, topic_name: str
) -> None:
    guarded.create(topic_name, max_message_bytes=4321, cleanup_policy=policy)
    found = topics.describe(connection, topic_name)
    assert (found.largest, found.compacted) == (4321, compacted)


def test_rights_are_told(guarded: Broker, connection: Connection, topic_name: str) -> None:
    topics.ensure(connection, topic_name, 2)
    safety = guarded.safety
    security = Security("SASL_SSL", "SCRAM-SHA-256", safety.guest, safety.guest_password, ca=guarded.ca)
    guest = Connection(guarded.servers, security)
    with pytest.raises(SinkError, match="not allowed to use the topic"), explained(topic_name):
        topics.describe(guest, topic_name)
    allow(connection, safety.guest, topic_name, ACLOperation.READ)
    found = topics.ensure(guest, topic_name, 2)
    assert (found.rights, found.partitions, found.largest) == ({"READ", "DESCRIBE"}, 2, None)


def allow(connection: Connection, user: str, topic: str, operation: ACLOperation) -> None:
    rule = ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, topic))
    with closing(connection.admin()) as admin:
        admin.create_acls([rule])
