"""Records as they are unpacked from what a broker sent: a strange name of a header stops nothing, damage is located.

Where there is a bound, a batch that holds more than that is one record, its last, which says so and has no bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from kafka.consumer.fetcher import Fetcher  # type: ignore[import-untyped]
from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError  # type: ignore[import-untyped]
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch  # type: ignore[import-untyped]
from kafka.record.util import decode_varint  # type: ignore[import-untyped]

from streamsel.topic import Message, nbytes_of
from streamsel.topic.decompressing import GZIP, LZ4, SNAPPY, ZSTD, TooMuchError, decompressed

__all__ = ["Refused", "Unpacked", "UnreadableError", "message_of"]


class Refused(bytes):
    """The value of a record that was not unpacked; reason: why."""

    reason: str = ""

    @classmethod
    def because(cls, reason: str) -> Refused:
        """No bytes, and a reason."""
        made = cls()
        made.reason = reason
        return made


class UnreadableError(KafkaError):  # type: ignore[misc]
    """A record, or the batch that it came in, is damaged; says which and why."""


def message_of(record: Any) -> Message:
    """A record of the client as a message."""
    headers = tuple((name, value or b"") for name, value in record.headers)
    refused = record.value.reason if isinstance(record.value, Refused) else ""
    return Message(record.partition, record.offset, record.key, record.value, headers, record.timestamp, refused)


class Unpacked(Fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of one partition. Names of headers that are no UTF-8 are read with `?` for what is not ASCII.

    Brokers take such names and Java's clients read them; the library (3.0.12) stops at such a record for good, and does
    not say where that is. most: bytes that a batch may hold; None: any number, as of topics that only we write to.
    """

    def __init__(self, *of: Any, most: int | None = None, **options: Any) -> None:
        self._most_unpacked = most
        super().__init__(*of, **options)

    def take(self, n: int | None = None) -> list[Any]:
        """So many records. Raises UnreadableError."""
        try:
            taken: list[Any] = super().take(n) if self._most_unpacked is None else self._bounded(n, self._most_unpacked)
        except UnsupportedCodecError:
            raise
        except Exception as error:  # decompression has errors of all kinds
            place = f"{self.topic_partition.topic}-{self.topic_partition.partition}"
            raise UnreadableError(f"{place}: damaged at offset {self.next_fetch_offset}: {error}") from error
        return taken

    def _bounded(self, n: int | None, most: int) -> list[Any]:
        """One after the other, until they have so many bytes."""
        taken: list[Any] = []
        held = 0
        while (n is None or len(taken) < n) and held < most:
            try:
                one = super().take(1)
            except Exception as error:
                if not taken:
                    raise
                self._next_inline_exception = error  # as the library does: told by the next call
                break
            if not one:
                break
            taken += one
            held += nbytes_of(one[0])
        return taken

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        unpacked: Iterator[Any] = super()._unpack_records(tp, _Batches(records, self._most_unpacked), *deserializers)
        return unpacked


class _Batches:
    def __init__(self, records: Any, most: int | None) -> None:
        self._records, self._kind = records, _Batch if most is None else _bounded(most)

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if isinstance(batch, DefaultRecordBatch):
            batch.__class__ = self._kind  # it was copied once already
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


@cache
def _bounded(most: int) -> type[_Batch]:
    """A class of its own, since those whose place it takes have no room for a number."""

    class Bounded(_Batch):
        __slots__ = ()

        def __iter__(self) -> Any:
            try:
                return super().__iter__()
            except TooMuchError:
                whose = f"records {self.base_offset} to {self.last_offset}: their" if self.last_offset_delta else "its"
                reason = f"{whose} batch has more than {most} bytes when unpacked; compress no pictures"
                fields = (0, self.last_offset, self.max_timestamp, self.timestamp_type, None, Refused.because(reason))
                return iter([DefaultRecord(*fields, [])])

        def _maybe_uncompress(self) -> None:
            batch: Any = self
            if not batch._decompressed and batch.compression_type in (GZIP, SNAPPY, LZ4, ZSTD):
                data = memoryview(batch._buffer)[batch._pos :].tobytes()
                batch._buffer, batch._pos = decompressed(batch.compression_type, data, most), 0
                batch._decompressed = True
            super()._maybe_uncompress()

    return Bounded


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
