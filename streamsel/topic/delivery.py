"""Delivery: sends numbered records in order, each once, whatever happens to the broker or to this process.

A transaction holds some records and a marker: the number of the last one, under the sender's own key in a compacted
topic beside, `<topic>.delivered` (KIP-98). Whether a transaction was committed is read off the marker, so that a
sender which was killed before it could note the acknowledgement, or which never got one, sends nothing twice. Whose
marker it is, is checked: see `streamsel.topic.markers`.
"""

from __future__ import annotations

import logging
import math
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from kafka.errors import (  # type: ignore[import-untyped]
    InvalidProducerEpochError,
    KafkaError,
    ProducerFencedError,
    UnknownTopicOrPartitionError,
)

from streamsel.errors import SinkError, StreamselError
from streamsel.topic import Record
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained, lasting
from streamsel.topic.markers import MARKERS, Marker, Past, checked, newest, remembering
from streamsel.topic.pick_record import check_size
from streamsel.topic.topics import describe

__all__ = ["Delivery"]

log: Final = logging.getLogger("streamsel.topic")

MOST_BYTES: Final = 16 << 20
"""Of records that are held here, taken and not yet acknowledged; kafka-python itself bounds nothing."""

AT_ONCE: Final = 256
"""Records of one transaction at most."""

LEAST_AT_ONCE, MOST_AT_ONCE = 64 << 10, 4 << 20
"""Bytes of one transaction, one record or more: halved after each error, so that slow lines get on, then doubled."""

SHORTEST, LONGEST = 0.2, 10.0
"""Seconds before the next try."""

FENCED: Final = (ProducerFencedError, InvalidProducerEpochError)
TRIES: Final = {"": math.inf, "missing": 3, "fenced": 8}
"""After so many in a row a topic that the broker does not know is taken for one that does not exist, and another
process of the same sender for one that stays. (A transaction that took too long looks like one.)"""

LASTS: Final = 10.0
"""Seconds that it lasts at least, too, once a session had begun: brokers that start know of no topics."""


class Delivery:
    """Sends in a thread of its own what it is given, from `start` to `close`; no call here waits for the broker.

    sender: what tells this sender from all others, kept over restarts with its records. past: what it knows of itself
    from before. longest: seconds at most before the next try after an error that may pass. After any error the producer
    is discarded and built anew.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        sender: str,
        *,
        past: Past | None = None,
        most_bytes: int = MOST_BYTES,
        longest: float = LONGEST,
    ) -> None:
        self._connection, self.topic, self._sender = connection, topic, sender
        self._broker, self._markers = ",".join(connection.servers), f"{topic}{MARKERS}"
        self._most_bytes, self._longest, self._patience = most_bytes, longest, 3 * connection.wait
        self._changed = threading.Condition()
        self._held: deque[tuple[int, Record]] = deque()
        self._bytes = 0
        self._acknowledged = 0
        self._at_once = MOST_AT_ONCE
        self._ending = False
        self._wrong, self._tries, self._since = "", 0, 0.0
        self._told_of = False
        """Whether a trouble was logged since something arrived last: each try may put it in other words."""
        self._producer: Any = None
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self.token = secrets.token_hex(8)
        """Tells this process; it must be noted for the next one's `past` before any record is given to it."""
        self._past = past or Past()
        self._past = replace(self._past, tokens=(*self._past.tokens, self.token))
        self.ready = False
        """Whether it is known what arrived before: from then on records may be given to it."""
        self.largest: int | None = None
        """Bytes of a record that the topic takes; None: not known (yet)."""
        self.failure: StreamselError | None = None
        """What trying again cannot heal: nothing more is sent."""
        self.trouble = ""
        """Why it does not get on at the moment; empty while it does."""

    @property
    def acknowledged(self) -> int:
        """Records up to this number have arrived, also those that an earlier process sent."""
        return self._acknowledged

    @property
    def room(self) -> int:
        """Bytes of records that may be given to it now; 0 or less: none."""
        return self._most_bytes - self._bytes

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def take(self, records: Sequence[tuple[int, Record]]) -> None:
        """Numbered records to send, each number above all before; of those that have arrived nothing is sent."""
        with self._changed:
            self._past = replace(self._past, handed=max(self._past.handed, *(number for number, _ in records)))
            self._held.extend(records)
            self._bytes += sum(record.nbytes for _, record in records)
            self._let_go()
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Returns when something arrived or failed, at most after so long."""
        with self._changed:
            if self.failure is None:
                self._changed.wait(seconds)

    def close(self, seconds: float = 1.0) -> None:
        """End; what is not sent by then stays with whoever gave it."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        _discard(self._producer)

    def _run(self) -> None:
        pause = SHORTEST
        while not self._ending and self.failure is None:
            before = self._acknowledged
            try:
                with explained(f"{self._broker}/{self.topic}", spoken=self.ready):
                    self._session()
            except StreamselError as error:
                self._told(error)
            except Exception as error:  # the client's own, of a lost connection: whatever it is, this thread goes on
                self._told(SinkError(f"{self.topic}: {type(error).__name__}: {error}"), passing=True)
            pause = SHORTEST if self._acknowledged > before else min(2 * pause, self._longest)
            with self._changed:
                if not self._ending and self.failure is None:
                    self._changed.wait_for(lambda: self._ending, pause * random.uniform(0.5, 1.0))

    def _told(self, error: StreamselError, passing: bool = False) -> None:
        """What went wrong stays wrong, or may pass; what goes wrong because it is ended is nobody's trouble."""
        if self._ending:
            return
        known = self._again(error.__cause__) or (not passing and (lasting(error) or error.__cause__ is None))
        with self._changed:
            self._at_once = max(LEAST_AT_ONCE, self._at_once // 2)
            self.trouble = str(error)
            self.failure = error if known else None
            self._changed.notify_all()
        if not self._told_of or known:
            self._told_of = True
            log.warning("delivery: %s", error)

    def _again(self, cause: BaseException | None) -> bool:
        """Whether what may pass went wrong too often in a row, and for too long."""
        missing = isinstance(cause, UnknownTopicOrPartitionError)
        wrong = "missing" if missing else "fenced" if isinstance(cause, FENCED) else ""
        if wrong != self._wrong:
            self._wrong, self._tries, self._since = wrong, 0, time.monotonic()
        self._tries += 1
        return self._tries >= TRIES[wrong] and time.monotonic() - self._since >= (LASTS if self.ready else 0.0)

    def _session(self) -> None:
        """Send until an error or the end, by one producer."""
        self.largest = describe(self._connection, self.topic).largest
        with explained(f"{self._broker}/{self._markers}", spoken=self.ready):
            partitions = remembering(self._connection, self._markers)
        self._producer = self._made()
        try:
            self._producer.init_transactions()  # ends what an earlier process left open; only then the marker is sure
            self._begun(newest(self._connection, self._markers, partitions, self._sender))
            while records := self._next():
                self._send(records, self.largest)
                self._arrived(records[-1][0])
                self._wrong = ""
                self._told_of = False
                self._at_once = min(MOST_AT_ONCE, 2 * self._at_once)
        finally:
            producer, self._producer = self._producer, None
            _discard(producer)

    def _made(self) -> Any:
        """A producer that gives a slow line three times as long as an answer may take."""
        patience = int(self._patience * 1000)
        waits = ("delivery_timeout_ms", "max_block_ms", "request_timeout_ms", "transaction_timeout_ms")
        return self._connection.producer(f"streamsel.{self._sender}", **dict.fromkeys(waits, patience))

    def _begun(self, marker: Marker) -> None:
        """What was committed before is known."""
        with self._changed:
            past = replace(self._past, settled=max(self._past.settled, self._acknowledged))
        number = checked(marker, past, f"{self._broker}/{self.topic}").number
        self.ready = True
        self._wrong = (
            "fenced" if self._wrong == "fenced" else ""
        )  # the topic is there; whether it can be sent to is open
        self._arrived(number)

    def _next(self) -> list[tuple[int, Record]]:
        """The records of the next transaction, at least one; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._ending)
            if self._ending:
                return []
            room, chosen = self._at_once, list(islice(self._held, AT_ONCE))
        for count, (_, record) in enumerate(chosen):
            room -= record.nbytes
            if room < 0 and count:
                return chosen[:count]
        return chosen

    def _send(self, records: Sequence[tuple[int, Record]], largest: int | None) -> None:
        if largest is not None:
            for _, record in records:
                check_size(record, largest, f"topic {self.topic}")
        self._producer.begin_transaction()
        futures = [
            self._producer.send(self.topic, key=record.key, value=record.value, headers=list(record.headers))
            for _, record in records
        ]
        last = Marker(records[-1][0], self.token)
        futures.append(self._producer.send(self._markers, key=self._sender.encode(), value=last.value()))
        deadline = time.monotonic() + self._patience
        for future in futures:  # a batch that expires is missing without any error of the transaction
            future.get(timeout=max(0.0, deadline - time.monotonic()))
        self._producer.commit_transaction()

    def _arrived(self, number: int) -> None:
        with self._changed:
            self._acknowledged = max(self._acknowledged, number)
            self.trouble = ""
            self._let_go()
            self._changed.notify_all()

    def _let_go(self) -> None:
        while self._held and self._held[0][0] <= self._acknowledged:
            self._bytes -= self._held.popleft()[1].nbytes


def _discard(producer: Any) -> None:
    """End a producer without waiting for what it cannot send any more."""
    if producer is None:
        return
    producer._sender.force_close()
    producer._sender.join(1.0)
    with suppress(KafkaError):
        producer.close(timeout=0)
