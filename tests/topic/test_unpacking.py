"""What a consumer makes of records as others send them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.errors import UnsupportedCodecError
from kafka.record import MemoryRecords, MemoryRecordsBuilder

from streamsel.testing.kafka_broker import Served
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explanation, lasting
from streamsel.topic.unpacking import Unpacked, UnreadableError

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
PLACE = TopicPartition("pictures", 2)


class Name(str):
    """A header's name of any bytes: a client of another language may send it."""

    def __new__(cls, name: bytes) -> Name:
        made = super().__new__(cls, name.decode("latin-1"))
        made.name = name
        return made

    def encode(self, *how: Any) -> bytes:
        return self.name  # type: ignore[attr-defined,no-any-return]


def batch(headers: Sequence[Sequence[tuple[str, bytes | None]]], codec: int = 0) -> bytearray:
    """One record for each list of headers, from offset 7 on."""
    builder = MemoryRecordsBuilder(2, codec, 1 << 20, offset=7)
    for number, some in enumerate(headers):
        builder.append(1000, b"key", b"%d" % number, list(some))
    builder.close()
    return bytearray(builder.buffer())


def taken(data: bytes) -> list[Any]:
    return Unpacked(7, PLACE, MemoryRecords(bytes(data))).take()


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_names_that_are_no_text_stop_nothing(codec: int) -> None:
    strange = [(Name(b"ce_\xff\xfe"), b"\xff"), ("weather", b"rain"), (Name(b"\xc3"), None), ("größe", b"1")]
    records = taken(batch([[("a", b"b")], strange, strange, []], codec))
    assert [(one.offset, one.value) for one in records] == [(7, b"0"), (8, b"1"), (9, b"2"), (10, b"3")]
    assert records[1].headers == [("ce_??", b"\xff"), ("weather", b"rain"), ("?", None), ("größe", b"1")]
    assert records[2].headers == records[1].headers
    assert records[0].headers == [("a", b"b")]


def test_damage_is_located() -> None:
    data = batch([[("a", b"b")]])
    data[-1] ^= 1
    with pytest.raises(UnreadableError, match=r"pictures-2: damaged at offset 7: .*crc"):
        taken(data)


def test_a_codec_that_is_not_known_is_told_and_lasts() -> None:
    data = batch([[("a", b"b")]])
    data[22] |= 7  # the attributes' low bits
    reading = Unpacked(7, PLACE, MemoryRecords(bytes(data)), check_crcs=False)
    with pytest.raises(UnsupportedCodecError) as caught:
        reading.take()
    assert lasting(caught.value)
    assert "compression.type" in explanation(caught.value)


@pytest.mark.xdist_group("kafka")
def test_whatever_a_producer_compresses_with_is_read(broker: Served, topic_name: str) -> None:
    broker.create(topic_name, 1)
    for codec in CODECS:
        producer = KafkaProducer(
            bootstrap_servers=list(broker.servers), compression_type=None if codec == "none" else codec
        )
        headers = [(Name(b"ce_\xff"), b"1")]
        producer.send(topic_name, codec.encode() * 1000, headers=headers).get(timeout=30)
        producer.close()
    consumer = Connection(broker.servers).consumer(topic_name)
    values: list[bytes] = []
    try:
        while len(values) < len(CODECS):
            values += [one.value for some in consumer.poll(timeout_ms=5000).values() for one in some]
    finally:
        consumer.close()
    assert values == [codec.encode() * 1000 for codec in CODECS]


@pytest.mark.parametrize("codec", [one for one in CODECS if one != "none"])
def test_a_batch_that_holds_too_much_is_one_record_that_says_so(codec: str) -> None:
    builder = MemoryRecordsBuilder(2, CODECS[codec], 64 << 20, offset=7)
    for _ in range(3):
        builder.append(1000, b"key", bytes(20 << 20), [])
    builder.close()
    tracemalloc.start()
    (one,) = Unpacked(7, PLACE, MemoryRecords(bytes(builder.buffer())), most=4 << 20).take()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (one.offset, one.key, one.value, one.headers) == (9, None, b"", [])
    assert " to 9: their batch has more than 4194304 bytes" in one.value.reason
    assert peak < 20 << 20
    records = Unpacked(7, PLACE, MemoryRecords(bytes(builder.buffer())), most=61 << 20).take(2)
    assert [(one.offset, len(one.value)) for one in records] == [(7, 20 << 20), (8, 20 << 20)]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_what_is_bounded_is_read_as_what_is_not(codec: int) -> None:
    data = batch([[("a", b"b")], [(Name(b"\xff"), b"1")], []], codec) + batch([[("c", None)]], codec)
    assert [
        (one.offset, one.value, one.headers) for one in Unpacked(7, PLACE, MemoryRecords(bytes(data)), most=300).take()
    ] == [(one.offset, one.value, one.headers) for one in taken(data)]


def test_no_more_is_taken_at_once_than_there_is_room_for() -> None:
    builder = MemoryRecordsBuilder(2, 0, 1 << 20, offset=7)
    for _ in range(9):
        builder.append(1000, b"key", bytes(1000), [])
    builder.close()
    reading = Unpacked(7, PLACE, MemoryRecords(bytes(builder.buffer())), most=2500)
    assert [len(reading.take()) for _ in range(4)] == [3, 3, 3, 0]
    headed = batch([[("predictions", bytes(1000))]] * 9)
    reading = Unpacked(7, PLACE, MemoryRecords(bytes(headed)), most=2500)
    assert [len(reading.take()) for _ in range(4)] == [3, 3, 3, 0]
    damaged = bytearray(builder.buffer()) + batch([[("a", b"b")]])
    damaged[-1] ^= 1
    reading = Unpacked(7, PLACE, MemoryRecords(bytes(damaged)), most=1 << 20)
    assert len(reading.take()) == 9
    with pytest.raises(UnreadableError, match="damaged at offset"):
        reading.take()
