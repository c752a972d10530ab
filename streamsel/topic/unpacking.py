"""Records as they are unpacked from what a broker sent: a strange name of a header stops nothing, damage is located."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from kafka.consumer.fetcher import Fetcher  # type: ignore[import-untyped]
from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError  # type: ignore[import-untyped]
from kafka.record.default_records import DefaultRecordBatch  # type: ignore[import-untyped]
from kafka.record.util import decode_varint  # type: ignore[import-untyped]

__all__ = ["Unpacked", "UnreadableError"]


class UnreadableError(KafkaError):  # type: ignore[misc]
    """A record, or the batch that it came in, is damaged; says which and why."""


class Unpacked(Fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of one partition. Names of headers that are no UTF-8 are read with `?` for what is not ASCII.

    Brokers take such names and Java's clients read them; the library (3.0.12) stops at such a record for good, and does
    not say where that is.
    """

    def take(self, n: int | None = None) -> list[Any]:
        """So many records. Raises UnreadableError."""
        try:
            taken: list[Any] = super().take(n)
        except UnsupportedCodecError:
            raise
        except Exception as error:  # decompression has errors of all kinds
            place = f"{self.topic_partition.topic}-{self.topic_partition.partition}"
            raise UnreadableError(f"{place}: damaged at offset {self.next_fetch_offset}: {error}") from error
        return taken

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        unpacked: Iterator[Any] = super()._unpack_records(tp, _Batches(records), *deserializers)
        return unpacked


class _Batches:
    def __init__(self, records: Any) -> None:
        self._records = records

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if isinstance(batch, DefaultRecordBatch):
            batch.__class__ = _Batch  # it was copied once already
        return batch


class _Batch(DefaultRecordBatch):  # type: ignore[misc]
    __slots__ = ()

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except CorruptRecordError:
            if not _mended(self._buffer, self._pos):
                raise
        return super().__next__()


def _mended(buffer: bytearray, start: int) -> bool:
    """Whether the record that begins there had a name that is no UTF-8, and has none now."""
    mended = False
    with suppress(IndexError):  # cut short
        for begin, end in _names(buffer, start):
            try:
                buffer[begin:end].decode()
            except UnicodeDecodeError:
                buffer[begin:end] = bytes(byte if byte < 0x80 else ord("?") for byte in buffer[begin:end])
                mended = True
    return mended


def _names(buffer: bytearray, place: int) -> Iterator[tuple[int, int]]:
    """Where the names of a record's headers begin and end (Kafka protocol, record format 2)."""
    for _ in ("length", "attributes", "time", "offset"):
        _, place = decode_varint(buffer, place)
    for _ in ("key", "value"):
        length, place = decode_varint(buffer, place)
        place += max(length, 0)
    count, place = decode_varint(buffer, place)
    for _ in range(count):
        length, place = decode_varint(buffer, place)
        yield place, place + length
        value, place = decode_varint(buffer, place + length)
        place += max(value, 0)
