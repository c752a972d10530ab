"""A producer that fills a topic while something happens to whoever reads it: patient, in order, each record once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self

from kafka import KafkaProducer  # type: ignore[import-untyped]

from streamsel.testing.ingest_material import Given

__all__ = ["Feed"]

PATIENCE: Final = 600.0
"""Seconds that a record waits for a broker that is stopped."""


class Feed:
    """Sends records in turn to each partition, with a key for each, in a thread; use it with `with`.

    rate: records a second; None: as fast as it goes. heard: called with each record that is acknowledged, its partition
    and offset, in the order sent. first: number of the first record, by which it goes to its partition. What is left
    when the `with` ends is not sent.
    """

    def __init__(
        self,
        servers: Sequence[str],
        topic: str,
        partitions: int,
        records: Iterable[Given],
        rate: float | None,
        heard: Callable[[Given, int, int], None],
        *,
        first: int = 0,
    ) -> None:
        self._topic, self._partitions, self._records = topic, partitions, enumerate(records, first)
        self._pause, self._heard = 0.0 if rate is None else 1 / rate, heard
        self._hurry, self._leave = threading.Event(), threading.Event()
        self._producer: Any = KafkaProducer(
            bootstrap_servers=list(servers),
            acks="all",
            enable_idempotence=True,
            delivery_timeout_ms=int(PATIENCE * 1000),
            linger_ms=5,
            max_block_ms=int(PATIENCE * 1000),
            max_request_size=40_000_000,
        )
        self._pool = ThreadPoolExecutor(1, "feed")
        self._work = self._pool.submit(self._run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._leave.set()
        self._hurry.set()
        self._pool.shutdown()
        self._producer.close(timeout=1)

    def wait(self) -> None:
        """Waits until all is sent, at its rate, and acknowledged."""
        self._work.result()

    def finish(self) -> None:
        """Sends the rest as fast as it goes, and waits until all is acknowledged."""
        self._hurry.set()
        self.wait()

    def _run(self) -> None:
        waiting: deque[tuple[Given, Any]] = deque()
        due = time.monotonic()
        for number, given in self._records:
            waiting.append((given, self._send(given, number % self._partitions)))
            while waiting and waiting[0][1].is_done:
                self._hear(*waiting.popleft())
            due += self._pause
            self._hurry.wait(max(0.0, due - time.monotonic()))
            if self._leave.is_set():
                return
        while waiting:
            self._hear(*waiting.popleft())

    def _send(self, given: Given, partition: int) -> Any:
        what = {"key": f"camera-{partition}".encode(), "headers": list(given.headers), "timestamp_ms": given.time}
        return self._producer.send(self._topic, given.value, partition=partition, **what)

    def _hear(self, given: Given, future: Any) -> None:
        told = future.get(timeout=PATIENCE)
        self._heard(given, told.partition, told.offset)
