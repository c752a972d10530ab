"""The newest value of a key, however far back it lies, and no longer than asked."""

from __future__ import annotations

import pytest

from streamsel.testing.kafka_broker import Served
from streamsel.topic.connection import Connection
from streamsel.topic.last_entries import FIRST, last_entries

pytestmark = pytest.mark.xdist_group("kafka")


def test_the_newest_is_found_however_far_back(broker: Served, topic_name: str) -> None:
    broker.create(topic_name, 4, cleanup_policy="compact")
    with_key = {0: [b"old", b"new"], 1: [], 2: [b"one"], 3: []}
    producer = Connection(broker.servers).producer()
    for partition, values in with_key.items():
        for value in values:
            producer.send(topic_name, value, key=b"#key", partition=partition)
    for number in range(3 * FIRST):
        producer.send(topic_name, b"", key=b"%d" % number, partition=2)
        producer.send(topic_name, b"", key=b"%d" % number, partition=3)
    producer.flush()
    producer.close()
    known = last_entries(Connection(broker.servers), topic_name, b"#key", 60.0)
    assert known.found == {0: b"new", 2: b"one"}
    assert known.unseen == []
    hurried = last_entries(Connection(broker.servers), topic_name, b"#key", -1.0)
    assert hurried.unseen == [0, 2, 3]  # the other one is empty
