"""Records that are read a second time, by their place, on a real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError

from streamsel.testing.kafka_broker import Served
from streamsel.topic.again import Again
from streamsel.topic.connection import Connection

pytestmark = pytest.mark.xdist_group("kafka")

Send = Callable[..., int]


@pytest.fixture
def again(broker: Served, topic_name: str) -> Iterator[Again]:
    broker.create(topic_name, 2)
    made = Again(Connection(broker.servers), topic_name, 100_000, patience=2.0)
    yield made
    made.close()


@pytest.fixture
def send(broker: Served, topic_name: str) -> Send:
    def sent(values: list[bytes], partition: int = 0, *, abort: bool = False, **options: object) -> int:
        """The offset of the first."""
        producer = KafkaProducer(bootstrap_servers=list(broker.servers), linger_ms=200, **options)
        if "transactional_id" in options:
            producer.init_transactions()
            producer.begin_transaction()
        headers = [("name", b"a")]
        futures = [producer.send(topic_name, v, key=b"k", headers=headers, partition=partition) for v in values]
        producer.flush()
        if "transactional_id" in options:
            producer.abort_transaction() if abort else producer.commit_transaction()
        producer.close()
        return int(futures[0].get(timeout=30).offset)

    return sent


def test_each_record_of_any_batch_in_any_order(again: Again, send: Send) -> None:
    values = [b"%d" % number * 1000 for number in range(20)]
    first, second = send(values[:10]), send(values[10:], 1, compression_type="gzip")
    places = {(0, first + n): values[n] for n in range(10)} | {(1, second + n): values[10 + n] for n in range(10)}
    for partition, offset in [*places, *reversed(places)]:
        message = again.message(partition, offset)
        assert message is not None
        assert (message.partition, message.offset) == (partition, offset)
        assert (message.value, message.key, message.headers) == (places[partition, offset], b"k", (("name", b"a"),))
        assert message.timestamp > 0


def test_what_came_beside_a_record_is_not_fetched_again_and_little_of_it_is_held(
    again: Again, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamsel.topic.again.HELD", 3500)
    looks: list[int] = []
    found = again._found
    monkeypatch.setattr(again, "_found", lambda *at: looks.append(at[1]) or found(*at))
    first = send([b"%d" % number * 1000 for number in range(9)], compression_type="gzip")
    assert [again.message(0, first + n).value for n in range(9)] == [b"%d" % number * 1000 for number in range(9)]
    assert looks == [first, first + 3, first + 6]
    assert again.message(0, first + 8) is again.message(0, first + 8)


@pytest.mark.parametrize("before", [3, 10])
def test_what_was_removed_is_none(before: int, broker: Served, topic_name: str, again: Again, send: Send) -> None:
    send([b"%d" % number for number in range(10)])
    admin = KafkaAdminClient(bootstrap_servers=list(broker.servers))
    admin.delete_records({TopicPartition(topic_name, 0): before})
    admin.close()
    found = [again.message(0, offset) for offset in range(10)]
    assert [one is None for one in found] == [offset < before for offset in range(10)]


def test_what_was_never_committed_is_none(again: Again, send: Send, topic_name: str) -> None:
    aborted = send([b"a", b"b"], transactional_id=topic_name, abort=True)
    kept = send([b"c"], transactional_id=topic_name)
    assert again.message(0, aborted) is None
    assert again.message(0, aborted + 1) is None
    message = again.message(0, kept)
    assert message is not None
    assert message.value == b"c"


def test_a_batch_that_is_too_large_unpacked_is_refused(again: Again, send: Send) -> None:
    offset = send([bytes(200_000)], compression_type="gzip")
    message = again.message(0, offset)
    assert message is not None
    assert "more than 100000 bytes when unpacked" in message.refused


def test_what_has_not_come_yet_is_no_answer(again: Again) -> None:
    with pytest.raises(KafkaTimeoutError, match="no answer for offset 7"):
        again.message(0, 7)
