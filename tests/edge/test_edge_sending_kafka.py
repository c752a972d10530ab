"""From a daemon's outbox to a real Kafka broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamsel.config.edge import EdgeKafka
from streamsel.edge.telling.sending import Sendings, kafka_courier
from streamsel.errors import UsageError
from streamsel.store import Outgoing
from streamsel.store.entries import Committed, EntryStore
from streamsel.store.outbox import Bound
from streamsel.testing.kafka_reading import committed, header

pytestmark = pytest.mark.xdist_group("brokers")

PLENTY = Bound(1 << 30)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EntryStore]:
    store = EntryStore(tmp_path / "state.db", ("kafka",))
    yield store
    store.close()


def put(store: EntryStore, first: int, last: int, size: int = 100) -> None:
    records = [
        Outgoing(f"pick-{one}", b"door", (("ce_id", b"%d" % one),), b"%d " % one * size, 0.5, f"door/day/{one}.jpg")
        for one in range(first, last + 1)
    ]
    store.commit(Committed(outgoing={"kafka": records}))


def pumped(sendings: Sendings, true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: {sendings.standing()}"
        sendings.pump()
        time.sleep(0.02)


def test_a_topic_that_is_made_later_gets_all_of_it_once(broker, topic_name: str, store: EntryStore, caplog) -> None:
    config = EdgeKafka(servers=broker.servers, topic=topic_name)
    sendings = Sendings(store, {"kafka": kafka_courier(config, store.outbox("kafka"))}, PLENTY, anew=0.2)
    put(store, 1, 20)
    first = sendings._ways[0]._courier
    pumped(sendings, lambda: sendings._ways[0]._courier not in (None, first), "built anew")
    assert "no such topic" in sendings.standing()["kafka"].trouble
    broker.create(topic_name, 1)
    pumped(sendings, lambda: not store.outbox("kafka").standing().waiting, "all arrive")
    assert sendings.standing()["kafka"].trouble == ""
    sendings.close()
    assert [header(one, "ce_id") for one in committed(broker.servers, topic_name)] == [str(n) for n in range(1, 21)]
    told = [one.facts["reason"] for one in caplog.records if one.message == "delivery is held up"]
    assert len([reason for reason in told if "no such topic" in reason]) == 1


def test_a_picture_above_the_topics_limit_is_referred_to(broker, topic_name: str, store: EntryStore) -> None:
    broker.create(topic_name, 1, max_message_bytes=2000)
    config = EdgeKafka(servers=broker.servers, topic=topic_name)
    sendings = Sendings(store, {"kafka": kafka_courier(config, store.outbox("kafka"))}, PLENTY)
    put(store, 1, 1)
    put(store, 2, 2, size=5000)
    put(store, 3, 3)
    pumped(sendings, lambda: not store.outbox("kafka").standing().waiting, "all arrive")
    sendings.close()
    arrived = committed(broker.servers, topic_name)
    assert [(header(one, "ce_id"), header(one, "ce_dataref")) for one in arrived] == [
        ("1", ""),
        ("2", "door/day/2.jpg"),
        ("3", ""),
    ]
    assert arrived[1].value is None


def test_a_security_of_no_use_is_told_at_once(store: EntryStore) -> None:
    config = EdgeKafka(servers="localhost:9092", topic="picks", security={"protocol": "TELNET"})
    with pytest.raises(UsageError, match="TELNET"):
        Sendings(store, {"kafka": kafka_courier(config, store.outbox("kafka"))}, PLENTY)
