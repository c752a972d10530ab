"""What a service counts, as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["Metrics"]

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bounds of the buckets of both histograms."""

QUIET: Final = 60.0
"""Seconds without a turn of the loop, or a breath in it, after which the service is ill: both come every second."""


class Metrics:
    """Counts of one process; `page` is what Prometheus asks for. now: seconds, for ages of records and of turns."""

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.registry = registry = CollectorRegistry()
        self._now, self._turned = now, now()
        self.records = Counter("streamsel_records", "Records read and done with.", registry=registry)
        self.frames = Counter("streamsel_frames", "Frames looked at.", registry=registry)
        self.picks = Counter("streamsel_picks", "Frames picked.", registry=registry)
        self.bytes = Counter("streamsel_read_bytes", "Bytes of the values read.", registry=registry)
        self.unusable = Counter("streamsel_unusable_frames", "Frames that lack what is needed.", registry=registry)
        self.incomplete = Counter(
            "streamsel_incomplete_frames", "Frames whose sequence stayed incomplete.", registry=registry
        )
        self.dead = Counter("streamsel_dead_letters", "Records that could not be used.", registry=registry)
        self.lost = Counter("streamsel_lost_picks", "Pictures of picks that are gone.", registry=registry)
        self.rebuilds = Counter("streamsel_rebuilds", "Times that the clients were built anew.", registry=registry)
        self.rebalances = Counter("streamsel_rebalances", "Times that partitions came or went.", registry=registry)
        self.lag = Gauge("streamsel_lag_records", "Records not read yet.", ["partition"], registry=registry)
        self.broker = Gauge("streamsel_broker_answers", "1 while a Kafka broker answers, else 0.", registry=registry)
        self.broker.set(1)
        self.ratio = Gauge("streamsel_pick_ratio", "Share of frames picked since the start.", registry=registry)
        self.commits = Histogram("streamsel_transaction_seconds", "Of one commit.", buckets=SECONDS, registry=registry)
        self.latency = Histogram(
            "streamsel_record_to_pick_seconds", "From a record's time to its pick's commit.",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.ratio.set_function(lambda: self.count("picks") / max(1.0, self.count("frames")))
        self._partitions: set[int] = set()
        self._answers = True

    def count(self, name: str) -> float:
        """How often so far: records, frames, picks, bytes, unusable, incomplete, dead, lost, rebuilds or rebalances."""
        (family,) = getattr(self, name).collect()
        return next(float(one.value) for one in family.samples if one.name.endswith("_total"))

    def picked(self, timestamp: int) -> None:
        """A picture was committed. timestamp: of its record, or of that of its sequence's last frame, or of the end of
        its window, milliseconds since 1970."""
        self.picks.inc()
        if timestamp > 0:
            self.latency.observe(max(0.0, self._now() - timestamp / 1000))

    def behind(self, lag: Mapping[int, int]) -> None:
        """How far behind each partition is; those not told of are another member's now."""
        for partition in self._partitions - set(lag):
            self.lag.remove(str(partition))
        for partition, records in lag.items():
            self.lag.labels(str(partition)).set(records)
        self._partitions = set(lag)

    def turned(self) -> None:
        """The loop came round, or breathed in the midst of its work; whether there was anything to do or not."""
        self._turned = self._now()

    def answers(self, *, broker: bool) -> None:
        """Whether a broker answers; while none does nobody knows how far behind anything is."""
        self._answers = broker
        self.broker.set(broker)
        if not broker:
            self.behind({})

    @property
    def illness(self) -> str:
        """What is wrong with the service, in a few words; empty: it turns, and a broker answers."""
        if self._now() - self._turned >= QUIET:
            return "the loop stands still"
        return "" if self._answers else "no broker answers"

    def page(self) -> bytes:
        """All of it, in the text format."""
        return generate_latest(self.registry)
