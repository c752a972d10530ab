"""Records sent as they come arrive in order, and each one that does not is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamsel.errors import SinkError
from streamsel.testing.kafka_broker import Broker, Served
from streamsel.testing.kafka_listeners import free_ports
from streamsel.testing.kafka_reading import committed
from streamsel.topic import Record
from streamsel.topic.connection import Connection
from streamsel.topic.publishing import MOST_BYTES, Publisher

pytestmark = pytest.mark.xdist_group("kafka")


@pytest.fixture
def own_broker(tmp_path) -> Iterator[Broker]:
    with Broker(tmp_path) as found:
        yield found


def test_records_arrive_in_the_order_of_their_key(broker: Served, topic_name: str) -> None:
    broker.create(topic_name, 3)
    sent = [Record(b"camera %d" % (number % 5), b"%04d" % number) for number in range(500)]
    with Publisher(Connection(broker.servers), topic_name) as publisher:
        for number, record in enumerate(sent):
            publisher.send(record, number)
        publisher.flush()
        assert publisher.acknowledged == len(sent)
    found = committed(broker.servers, topic_name)
    for key in {record.key for record in sent}:
        assert [one.value for one in found if one.key == key] == [one.value for one in sent if one.key == key]
    assert len(found) == len(sent)


def test_bytes_in_flight_are_bounded(broker: Served, topic_name: str) -> None:
    broker.create(topic_name)
    record = Record(b"camera", bytes(700_000))
    with Publisher(Connection(broker.servers), topic_name) as publisher:
        for number in range(60):
            publisher.send(record, number)
            assert number + 1 - publisher.acknowledged <= MOST_BYTES // record.nbytes
        publisher.flush()
    assert publisher.acknowledged == 60


def test_a_topic_that_is_missing_stays_so(broker: Served, topic_name: str) -> None:
    with pytest.raises(SinkError, match=f"/{topic_name}: no such topic; create it, or check its name"):
        Publisher(Connection(broker.servers), topic_name)
    admin = Connection(broker.servers).admin()
    assert topic_name not in admin.list_topics()
    admin.close()


def test_what_is_too_large_for_the_topic_is_known_before(broker: Served, topic_name: str) -> None:
    broker.create(topic_name, max_message_bytes=2000)
    with Publisher(Connection(broker.servers), topic_name) as publisher:
        sizes = range(1500, 2100)
        largest = max(size for size in sizes if publisher.takes(Record(b"k", bytes(size), (("h", b"x"),))))
        publisher.send(Record(b"k", bytes(largest), (("h", b"x"),)), 0)
        publisher.flush()
        assert publisher.largest == 2000
        assert not publisher.takes(Record(b"k", bytes(2000)))
        assert largest > 1800


def test_no_broker_is_one_line() -> None:
    server = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(SinkError, match=f"{server}/frames: no broker answers") as told:
        Publisher(Connection((server,), wait=1.0), "frames")
    assert "\n" not in str(told.value)


def test_a_broker_that_goes_away_is_told_with_what_arrived(own_broker: Broker) -> None:
    own_broker.create("frames")
    with Publisher(Connection(own_broker.servers, wait=1.0), "frames") as publisher:
        publisher.send(Record(b"k", b"first"), 0)
        publisher.flush()
        own_broker.kill()
        publisher.send(Record(b"k", b"second"), 0)
        with pytest.raises(SinkError, match=r"/frames: .*\(1 records arrived before\)") as told:
            publisher.flush()
    assert "\n" not in str(told.value)
