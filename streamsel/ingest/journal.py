"""What happened, counted and told: a line for each thing of note, and one a minute for the rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from streamsel.daemon.log_lines import say
from streamsel.daemon.metrics import Metrics
from streamsel.ingest.work import Done
from streamsel.lanes.pick_facts import text_of

__all__ = ["Journal"]

MINUTE: Final = 60.0
COMPLAINT: Final = 10.0
"""Seconds between two lines about records that cannot be used."""
TOLD: Final = ("records", "frames", "picks", "dead", "bytes")


class Journal:
    """Counts into metrics, and says lines. every: seconds between two lines about the work itself."""

    def __init__(self, metrics: Metrics, every: float = MINUTE) -> None:
        self._metrics, self._every = metrics, every
        self._since, self._told = time.monotonic(), dict.fromkeys(TOLD, 0.0)
        self._complained = -COMPLAINT
        self._trouble, self._silent_since = "", 0.0

    def committed(self, done: Done, seconds: float) -> None:
        """A transaction is over."""
        metrics = self._metrics
        for counter, amount in (
            (metrics.records, done.messages),
            (metrics.bytes, done.nbytes),
            (metrics.frames, done.frames),
            (metrics.unusable, done.unusable),
            (metrics.incomplete, done.incomplete),
            (metrics.dead, done.dead),
            (metrics.lost, done.lost),
        ):
            counter.inc(amount)
        for timestamp in done.picked:
            metrics.picked(timestamp)
        metrics.commits.observe(seconds)
        metrics.turned()
        self._chosen(done)
        if done.lost:
            say("picks lost", logging.WARNING, picks=done.lost, last=done.complaint)
        elif done.dead:
            self._dead(done)

    def _chosen(self, done: Done) -> None:
        for partition, window, picks in done.ended:
            times = {"begin": text_of(window.span.begin), "end": text_of(window.span.end)}
            say("chosen", partition=partition, **times, candidates=window.candidates, picks=picks)
        for partition, reason in done.troubles:
            say("window chosen by distance alone", logging.WARNING, partition=partition, reason=reason)

    def _dead(self, done: Done) -> None:
        """Tells of what could not be used, though not of each: the topic of dead letters has them all."""
        now = time.monotonic()
        if now - self._complained >= COMPLAINT:
            self._complained = now
            say("dead letters", logging.WARNING, records=done.dead, last=done.complaint)

    def turned(self, lag: Mapping[int, int], owned: Collection[int], trouble: str = "") -> None:
        """The loop came round. owned: the partitions that are read. trouble: why no broker answers; empty: one does."""
        self._metrics.turned()
        if trouble:
            self._silent(trouble)
        else:
            self._heard()
            self._metrics.behind(lag)
        if time.monotonic() - self._since >= self._every:
            self.summary(lag, owned)

    def summary(self, lag: Mapping[int, int], owned: Collection[int]) -> None:
        """The line about the work since the last one; with nothing to read, or no broker, it is a warning.

        lag: of each partition of ours, where it is known.
        """
        now, counts = time.monotonic(), {name: self._metrics.count(name) for name in TOLD}
        new = {name: counts[name] - self._told[name] for name in TOLD}
        rate = new["records"] / max(now - self._since, 1e-9)
        facts: dict[str, object] = {name: int(new[name]) for name in ("records", "picks", "dead")}
        facts |= {"per_second": rate, "bytes": int(new["bytes"])}
        if not self._trouble:
            facts["lag"] = sum(lag.values())
            if unknown := sorted(set(owned) - set(lag)):
                facts["lag_unknown"] = unknown
        if self._trouble:
            say("no broker answers", logging.WARNING, reason=self._trouble, **facts)
        elif owned:
            say("working", **facts, owned=sorted(owned))
        else:
            say("waiting for partitions", logging.WARNING, **facts)
        self._since, self._told = now, counts

    def rebalanced(self, gained: Sequence[int], lost: Sequence[int], owned: Sequence[int]) -> None:
        """Partitions came or went."""
        self._metrics.rebalances.inc()
        say("rebalanced", gained=list(gained), lost=list(lost), owned=list(owned))

    def restored(self, partition: int, entries: int, position: int, seconds: float) -> None:
        """A lane stands where its predecessor left it."""
        self._metrics.turned()
        self._heard()
        say("restored", partition=partition, entries=entries, offset=position, seconds=seconds)

    def rebuilding(self, reason: str, pause: float, *, unanswered: bool = False) -> None:
        """The clients are thrown away; others are made after a pause. unanswered: for no broker answered them."""
        if unanswered:
            self._trouble, self._silent_since = reason, self._silent_since or time.monotonic()
            self._metrics.answers(broker=False)
        self._metrics.turned()  # it does what it can: ended and started anew, it would do no other
        self._metrics.rebuilds.inc()
        say("rebuilding", logging.WARNING, reason=reason, pause=pause)

    def _silent(self, trouble: str) -> None:
        """No broker answers: told when it begins, and a line a minute."""
        self._metrics.answers(broker=False)
        if not self._trouble:
            self._silent_since = time.monotonic()
            say("no broker answers", logging.WARNING, reason=trouble)
        self._trouble = trouble

    def _heard(self) -> None:
        self._metrics.answers(broker=True)
        if self._trouble:
            say("a broker answers again", seconds=time.monotonic() - self._silent_since)
        self._trouble, self._silent_since = "", 0.0
