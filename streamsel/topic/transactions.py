"""Records, state and offsets in one transaction each: all of it or nothing (KIP-98, KIP-447)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from kafka import OffsetAndMetadata  # type: ignore[import-untyped]
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from streamsel.topic import Finished

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection

__all__ = ["Transactions"]

LONGEST: Final = 10.0
"""Seconds after which a broker aborts what was left open: who comes after waits for that."""


class Transactions:
    """A producer with a transactional id. After any error it must be closed, and another one made.

    Making it fences whoever had the id before, and aborts what that left open. Raises KafkaError.
    """

    def __init__(self, connection: Connection, transactional_id: str) -> None:
        milliseconds = int(LONGEST * 1000)
        self._producer: Any = connection.producer(
            transactional_id,
            delivery_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds * 9 // 10,
            transaction_timeout_ms=milliseconds,
        )
        try:
            self._producer.init_transactions()
        except BaseException:
            self.close(0)
            raise

    def commit(self, finished: Finished, changelog: str, offsets: Mapping[Any, int], metadata: Any) -> None:
        """One transaction. changelog: the topic of finished.state. offsets: TopicPartition -> offset to read next.

        metadata: the consumer's, taken when it read what was finished. Raises KafkaError: then nothing is committed,
        unless only the very last answer was late, which nobody can know.
        """
        producer = self._producer
        producer.begin_transaction()
        futures = [producer.send(topic, **fields) for topic, fields in _sent(finished, changelog)]
        deadline = time.monotonic() + LONGEST
        for future in futures:  # a batch that ran out of time would be missing, and the transaction go well without it
            future.get(timeout=max(0.0, deadline - time.monotonic()))
        told = {place: OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
        producer.send_offsets_to_transaction(told, metadata)
        producer.commit_transaction()

    def close(self, seconds: float) -> None:
        """Ends its thread; a transaction that is open is left so, for the next of this id or the broker to abort."""
        try:
            self._producer.close(timeout=seconds)
        except KafkaError:  # it waits for what can no longer be sent
            self._producer._sender.force_close()


def _sent(finished: Finished, changelog: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Topic and fields of all records."""
    for topic, record in finished.records:
        # An empty key is a key, too: all that have it would go to one partition.
        key = record.key if record.value is None else record.key or None
        yield topic, {"key": key, "value": record.value, "headers": list(record.headers)}
    for partition, entries in finished.state.items():
        for name, value in entries.items():
            yield changelog, {"key": name, "value": value, "partition": partition}
