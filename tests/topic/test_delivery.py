"""Delivery against a real broker: each record once, in order by key, whatever happens to the broker or the sender."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
import uuid

import pytest
from kafka.admin import ACL, ACLOperation, ACLPermissionType, KafkaAdminClient, ResourcePattern, ResourceType
from kafka.errors import ProducerFencedError, UnknownTopicOrPartitionError

from streamsel.errors import SinkError, StateError, StreamselError
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_reading import committed
from streamsel.topic import Record
from streamsel.topic.connection import Connection
from streamsel.topic.delivery import Delivery
from streamsel.topic.markers import Marker, Past
from streamsel.topic.topics import describe

pytestmark = pytest.mark.xdist_group("kafka")


def numbered(first: int, last: int, size: int = 100) -> list[tuple[int, Record]]:
    """Records with their numbers as values, of three keys."""
    return [
        (number, Record(b"key%d" % (number % 3), str(number).encode().ljust(size), (("h", b"1"),)))
        for number in range(first, last + 1)
    ]


def arrived(delivery: Delivery, number: int, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while delivery.acknowledged < number:
        assert delivery.failure is None, delivery.failure
        assert time.monotonic() < end, f"{delivery.acknowledged} of {number}; {delivery.trouble}"
        delivery.wait(0.1)


def values(servers, topic) -> list[int]:
    return [int(record.value) for record in committed(servers, topic)]


def in_order_by_key(servers, topic) -> bool:
    records = committed(servers, topic)
    by_key = [[int(one.value) for one in records if one.key == key] for key in {one.key for one in records}]
    return all(numbers == sorted(numbers) for numbers in by_key)


@pytest.fixture
def sender() -> str:
    return uuid.uuid4().hex


def test_all_arrive_once_in_order_by_key(broker, topic_name, sender):
    broker.create(topic_name, 3)
    delivery = Delivery(Connection(broker.servers), topic_name, sender)
    delivery.start()
    delivery.take(numbered(1, 300))
    delivery.take(numbered(301, 700))
    arrived(delivery, 700)
    delivery.close()
    assert sorted(values(broker.servers, topic_name)) == list(range(1, 701))
    assert in_order_by_key(broker.servers, topic_name)
    assert delivery.room == 16 << 20


def test_the_same_records_given_again_are_not_sent_again(broker, topic_name, sender):
    broker.create(topic_name, 3)
    tokens: tuple[str, ...] = ()
    for last in (40, 40, 60):
        delivery = Delivery(Connection(broker.servers), topic_name, sender, past=Past(0, 40, tokens))
        tokens = (*tokens, delivery.token)
        delivery.start()
        delivery.take(numbered(1, last))
        arrived(delivery, last)
        delivery.close()
    assert sorted(values(broker.servers, topic_name)) == list(range(1, 61))


def test_a_marker_of_somebody_else_acknowledges_nothing(broker, topic_name, sender):
    broker.create(topic_name, 1)
    first = Delivery(Connection(broker.servers), topic_name, sender)
    first.start()
    first.take(numbered(1, 5))
    arrived(first, 5)
    first.close()
    other = Delivery(Connection(broker.servers), topic_name, sender, past=Past(2, 9, ("f" * 16,)))
    other.take(numbered(3, 9))
    assert "a copy, or an older one" in failed(other, StateError)
    assert other.acknowledged == 0
    assert other.room < 16 << 20


def test_of_two_that_send_under_one_name_one_ends_with_a_line_and_none_believes_the_other(broker, topic_name, sender):
    broker.create(topic_name, 1)
    both = [Delivery(Connection(broker.servers), topic_name, sender, longest=0.3) for _ in range(2)]
    end = time.monotonic() + 40
    for one in both:
        one.start()
    for number in range(1, 1000):
        for place, one in enumerate(both):
            one.take([(number, Record(b"%d" % place, b"%d" % number))])
        time.sleep(0.02)
        if any(one.failure for one in both) or time.monotonic() > end:
            break
    for one in both:
        one.close()
    assert any(isinstance(one.failure, StreamselError) for one in both)
    records = committed(broker.servers, topic_name)
    for place, one in enumerate(both):
        sent = [int(record.value) for record in records if int(record.key) == place]
        assert set(range(1, one.acknowledged + 1)) <= set(sent)


def test_senders_do_not_know_of_each_other(broker, topic_name):
    broker.create(topic_name, 1)
    for _ in range(2):
        delivery = Delivery(Connection(broker.servers), topic_name, uuid.uuid4().hex)
        delivery.start()
        delivery.take(numbered(1, 5))
        arrived(delivery, 5)
        delivery.close()
    assert values(broker.servers, topic_name) == [1, 2, 3, 4, 5] * 2


def test_what_it_holds_is_bounded(topic_name, sender):
    delivery = Delivery(Connection(("127.0.0.1:1",)), topic_name, sender, most_bytes=1000)
    delivery.take(numbered(1, 9))
    assert 0 < delivery.room < 110
    delivery.take(numbered(10, 10))
    assert delivery.room <= 0
    delivery.close()


def test_nobody_there_is_a_trouble_that_may_pass(topic_name, sender):
    delivery = Delivery(Connection(("127.0.0.1:1",), wait=0.5), topic_name, sender)
    delivery.start()
    end = time.monotonic() + 10
    while not delivery.trouble and time.monotonic() < end:
        delivery.wait(0.1)
    assert "no broker answers" in delivery.trouble
    assert delivery.failure is None
    delivery.close()


def test_a_trouble_is_logged_once_until_it_is_over(topic_name, sender, caplog):
    caplog.set_level("INFO", "streamsel.topic")
    delivery = Delivery(Connection(("127.0.0.1:1",), wait=0.2), topic_name, sender, longest=0.05)
    delivery.start()
    end = time.monotonic() + 3
    while delivery._tries < 4 and time.monotonic() < end:
        delivery.wait(0.1)
    delivery.close()
    assert delivery._tries >= 4
    (line,) = [record for record in caplog.records if record.name == "streamsel.topic"]
    assert (line.levelname, "no broker answers" in line.getMessage()) == ("WARNING", True)


def failed(delivery: Delivery, kind: type[StreamselError] = SinkError) -> str:
    delivery.start()
    end = time.monotonic() + 20
    while delivery.failure is None and time.monotonic() < end:
        delivery.wait(0.1)
    delivery.close()
    assert isinstance(delivery.failure, kind)
    assert "\n" not in str(delivery.failure)
    return str(delivery.failure)


def test_a_record_too_large_is_told_and_never_sent(broker, topic_name, sender):
    broker.create(topic_name, 1, max_message_bytes=2000)
    delivery = Delivery(Connection(broker.servers), topic_name, sender)
    delivery.take([*numbered(1, 2), *numbered(3, 3, 3000)])
    assert "raise max.message.bytes" in failed(delivery)
    assert values(broker.servers, topic_name) == []


def test_a_topic_that_is_not_there_is_told(broker, topic_name, sender):
    assert "no such topic" in failed(Delivery(Connection(broker.servers), topic_name, sender))


def test_markers_that_would_be_forgotten_are_refused(broker, topic_name, sender):
    broker.create(topic_name, 1)
    broker.create(f"{topic_name}.delivered", 1)
    assert "cleanup.policy to compact" in failed(Delivery(Connection(broker.servers), topic_name, sender))


SENDER = """
import sys
from streamsel.topic.connection import Connection
from streamsel.topic.delivery import Delivery
from streamsel.topic.markers import Past
from tests.topic.test_delivery import arrived, numbered
servers, topic, sender, last, *tokens = sys.argv[1:]
delivery = Delivery(Connection((servers,)), topic, sender, past=Past(0, int(last), tuple(tokens)))
print(delivery.token, flush=True)
delivery.start()
delivery.take(numbered(1, int(last), 20_000))
arrived(delivery, int(last))
delivery.close()
"""


def test_killed_at_any_moment_nothing_is_lost_and_nothing_sent_twice(broker, topic_name, sender):
    broker.create(topic_name, 3)
    dice, kills, last = random.Random(7), 0, 600
    tokens: list[str] = []
    for moment in range(6):
        line = [sys.executable, "-c", SENDER, broker.servers[0], topic_name, sender, str(last), *tokens]
        child = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        tokens.append(child.stdout.readline().strip())
        if moment < 5:
            time.sleep(dice.uniform(0.2, 0.9))
            kills += child.poll() is None
            child.kill()
        child.wait(60)
    assert child.returncode == 0
    assert kills > 0
    assert sorted(values(broker.servers, topic_name)) == list(range(1, last + 1))
    assert in_order_by_key(broker.servers, topic_name)


RIGHTS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


def test_after_an_error_of_any_kind_it_goes_on_and_keeps_no_client_open(broker, topic_name, sender, monkeypatch):
    broker.create(topic_name, 1)
    errors, send = [KeyError("of the client"), TypeError("another"), AssertionError()], Delivery._send

    def failing(delivery, records, largest):
        if errors:
            raise errors.pop()
        send(delivery, records, largest)

    monkeypatch.setattr(Delivery, "_send", failing)
    before = threading.active_count()
    delivery = Delivery(Connection(broker.servers), topic_name, sender, longest=0.1)
    delivery.start()
    delivery.take(numbered(1, 3))
    arrived(delivery, 3)
    during = threading.active_count()
    delivery.close()
    assert not errors
    assert during <= before + 2, "itself, and what its producer needs"
    assert values(broker.servers, topic_name) == [1, 2, 3]


@pytest.mark.parametrize("kind", [UnknownTopicOrPartitionError, ProducerFencedError])
def test_what_a_broker_says_while_it_starts_ends_no_run(broker, topic_name, sender, monkeypatch, kind):
    """Answers of which a few in a row are taken for the truth before a session, and only later for so in one."""
    broker.create(topic_name, 1)
    errors = [kind() for _ in range(12)]
    monkeypatch.setattr("streamsel.topic.delivery.SHORTEST", 0.01)
    delivery = Delivery(Connection(broker.servers), topic_name, sender, longest=0.02)
    delivery.start()
    delivery.take(numbered(1, 1))
    arrived(delivery, 1)

    def starting(*wanted):
        if errors:
            raise errors.pop()
        return describe(*wanted)

    with monkeypatch.context() as patch:
        patch.setattr("streamsel.topic.delivery.describe", starting)
        patch.setattr(Delivery, "_send", lambda *given: starting(delivery._connection, topic_name) and None)
        delivery.take(numbered(2, 2))
        while errors:
            assert delivery.failure is None
            time.sleep(0.01)
    delivery.take(numbered(3, 3))
    arrived(delivery, 3)
    delivery.close()


def test_one_that_is_fenced_again_and_again_ends_with_a_line(broker, topic_name, sender, monkeypatch):
    broker.create(topic_name, 1)
    monkeypatch.setattr("streamsel.topic.delivery.LASTS", 0.2)
    delivery = Delivery(Connection(broker.servers), topic_name, sender, longest=0.05)

    def fenced(*given):
        raise ProducerFencedError

    monkeypatch.setattr(delivery, "_send", fenced)
    delivery.take(numbered(1, 1))
    assert "another process" in failed(delivery)


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory):
    """One that may be paused, and where rights may be taken away."""
    with Broker(tmp_path_factory.mktemp("own"), settings=RIGHTS) as made:
        yield made


def denied(
    servers,
    kind: ResourceType,
    name: str,
    *operations: ACLOperation,
    permission: ACLPermissionType = ACLPermissionType.DENY,
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(servers))
    place = ResourcePattern(kind, name)
    admin.create_acls([ACL("User:ANONYMOUS", "*", operation, permission, place) for operation in operations])
    admin.close()


def allowed(servers, topic: str, *operations: ACLOperation) -> None:
    """These, and nothing else."""
    denied(servers, ResourceType.TOPIC, topic, *operations, permission=ACLPermissionType.ALLOW)


def test_without_the_right_to_read_configs_it_sends(own_broker, topic_name, sender):
    own_broker.create(topic_name, 1)
    own_broker.create(f"{topic_name}.delivered", 1, cleanup_policy="compact")
    for name in (topic_name, f"{topic_name}.delivered"):
        allowed(own_broker.servers, name, ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE)
    delivery = Delivery(Connection(own_broker.servers), topic_name, sender)
    delivery.start()
    delivery.take(numbered(1, 3))
    arrived(delivery, 3)
    delivery.close()
    assert delivery.largest is None


def test_a_topic_of_markers_that_is_there_is_not_made(broker, topic_name, sender, monkeypatch):
    broker.create(topic_name, 1)
    broker.create(f"{topic_name}.delivered", 2, cleanup_policy="compact")
    monkeypatch.setattr("streamsel.topic.markers.ensure", lambda *wanted, **more: pytest.fail("needs a right"))
    delivery = Delivery(Connection(broker.servers), topic_name, sender)
    delivery.start()
    delivery.take(numbered(1, 3))
    arrived(delivery, 3)
    delivery.close()
    assert [Marker.of(one.value) for one in committed(broker.servers, f"{topic_name}.delivered")][-1].number == 3


def test_a_missing_right_is_told_at_once(own_broker, topic_name, sender):
    own_broker.create(topic_name, 1)
    denied(own_broker.servers, ResourceType.TOPIC, topic_name, ACLOperation.WRITE)
    delivery = Delivery(Connection(own_broker.servers), topic_name, sender)
    delivery.take(numbered(1, 3))
    assert "not allowed" in failed(delivery)
    assert values(own_broker.servers, topic_name) == []


def test_no_right_to_transactions_is_told_at_once(own_broker, topic_name, sender):
    own_broker.create(topic_name, 1)
    denied(own_broker.servers, ResourceType.TRANSACTIONAL_ID, f"streamsel.{sender}", ACLOperation.WRITE)
    assert "transactions" in failed(Delivery(Connection(own_broker.servers), topic_name, sender))


def test_a_broker_that_stands_still_for_a_while_loses_and_doubles_nothing(own_broker, topic_name, sender):
    own_broker.create(topic_name, 3)
    delivery = Delivery(Connection(own_broker.servers, wait=2.0), topic_name, sender, longest=0.5)
    delivery.start()
    delivery.take(numbered(1, 50))
    arrived(delivery, 50)
    own_broker.pause()
    delivery.take(numbered(51, 400, 5000))
    time.sleep(2.5)
    assert delivery.acknowledged < 400
    own_broker.resume()
    delivery.take(numbered(401, 450))
    arrived(delivery, 450, 60)
    delivery.close()
    assert sorted(values(own_broker.servers, topic_name)) == list(range(1, 451))
    assert in_order_by_key(own_broker.servers, topic_name)


def test_what_fails_because_it_is_closed_is_no_trouble(own_broker, topic_name, sender, caplog):
    own_broker.create(topic_name, 1)
    delivery = Delivery(Connection(own_broker.servers), topic_name, sender)
    delivery.start()
    delivery.take(numbered(1, 1))
    arrived(delivery, 1)
    own_broker.pause()
    try:
        delivery.take(numbered(2, 3))
        time.sleep(0.5)
        delivery.close(0.1)
        delivery._thread.join(10)
    finally:
        own_broker.resume()
    assert not delivery._thread.is_alive()
    assert not delivery.trouble
    assert not [record for record in caplog.records if record.name == "streamsel.topic"]
