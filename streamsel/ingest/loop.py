"""The ingest loop, on one page: poll, open, embed over all partitions at once, decide a lane at a time, commit.

What is committed in one transaction: picks, dead letters, the changes of each lane's state, offsets. Whatever fails
before that undoes nothing, for nothing was done: the member is thrown away with all lanes, and a new one starts from
what is committed. Picks that go to a folder are on disk before, under names that are the same the next time.

What a window of time chose is owed when it ends, and a sequence when it is complete and picked. It is sent in
transactions of its own, before anything newer is decided: so no more is ever owed than one chunk and one window chose,
and picks stay in the order of their records.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from streamsel.daemon.pauses import pauses
from streamsel.errors import SourceError
from streamsel.ingest.debts import Debts
from streamsel.ingest.journal import Journal
from streamsel.ingest.parts import GroupMember, Parts
from streamsel.ingest.pictures import Opened, Poison
from streamsel.ingest.portion import Portion
from streamsel.ingest.silence import Silence
from streamsel.ingest.work import Done, chunks, decided, embedded, ended
from streamsel.lanes.breath import Breath
from streamsel.lanes.lane import Lane
from streamsel.topic import Message, Polled
from streamsel.topic.hearing import unanswered
from streamsel.topic.losing import Damaged, Lost

__all__ = ["ingest"]

TURN: Final = 1.0
"""Seconds that a poll waits for something to do."""

TRIES: Final = 4
"""How often a damaged record is fetched, for it may have been damaged on its way."""


def ingest(parts: Parts, stopping: threading.Event) -> None:
    """Works until stopping is set, then finishes the chunk in hand. Raises StreamselError where no retry would help."""
    journal, portion = Journal(parts.metrics), Portion(parts.records, parts.size)
    waits, tries = pauses(), 0
    while not stopping.is_set():
        before = parts.metrics.count("records")
        try:
            with closing(parts.member()) as member:
                _Term(parts, member, journal, portion).serve(stopping)
        except Lost as lost:
            if parts.metrics.count("records") > before:
                waits, tries = pauses(), 0
            tries += isinstance(lost, Damaged)
            if tries == TRIES:
                raise SourceError(f"{lost}; delete its records up to there, or mend it") from lost
            pause = next(waits)
            journal.rebuilding(str(lost), pause, unanswered=unanswered(lost))
            stopping.wait(pause)


class _Term:
    """The time of one member, from joining to leaving or being lost, and the lanes that it has in it."""

    def __init__(self, parts: Parts, member: GroupMember, journal: Journal, portion: Portion) -> None:
        self._parts, self._member, self._journal, self._portion = parts, member, journal, portion
        self._lanes: dict[int, Lane] = {}
        self._debts, self._silence = Debts(parts, member.again), Silence()

    def serve(self, stopping: threading.Event) -> None:
        """Turn after turn."""
        while not stopping.is_set():
            polled = self._member.poll(TURN, self._parts.gather)
            self._follow(polled)
            self._pay(stopping)
            self._work([message for some in polled.messages.values() for message in some], stopping)
            self._end(stopping)
            self._journal.turned(self._member.lag(), self._member.owned, self._member.trouble())

    def _breathe(self) -> None:
        """A sign of life for the group, and for whoever asks after our health: chunks of large pictures take long."""
        self._member.breathe()
        self._parts.metrics.turned()

    def _follow(self, polled: Polled) -> None:
        """Lanes come and go with their partitions; one that comes is made from its changelog, whose position rules."""
        breath = Breath(self._breathe)
        for partition in polled.lost:
            self._lanes.pop(partition, None)
            self._debts.drop(partition)
        for partition in polled.gained:
            begun = time.monotonic()
            entries = self._member.restore(partition)
            self._lanes[partition] = lane = self._parts.lane(partition, entries)
            self._debts.restore(partition, entries)
            start = self._member.start_at(partition, lane.position)
            self._journal.restored(partition, len(entries), start, time.monotonic() - begun)
            breath()
        if polled.gained or polled.lost:
            self._journal.rebalanced(polled.gained, polled.lost, sorted(self._member.owned))

    def _work(self, messages: Sequence[Message], stopping: threading.Event) -> None:
        """A chunk at a time, each committed for itself."""
        breath = Breath(self._breathe)
        with closing(self._parts.pictures.opened(messages)) as opened:
            for chunk in chunks(opened, self._portion.records, self._portion.size, breath):
                if stopping.is_set():
                    return
                for done in self._done(chunk, breath):
                    self._commit(done)
                chunk.clear()  # it is a batch of bytes, and so is what is sent now
                self._pay(stopping)

    def _pay(self, stopping: threading.Event) -> None:
        """Send what windows chose, and sequences, a portion in each transaction."""
        breath = Breath(self._breathe)
        for partition in sorted(self._member.owned):
            if stopping.is_set():
                return
            with closing(self._debts.portions(self._lanes[partition], self._portion, breath)) as portions:
                for done in portions:
                    if stopping.is_set() or partition not in self._member.owned:
                        break
                    self._commit(done)

    def _end(self, stopping: threading.Event) -> None:
        """Choose of windows that no record ends; not after a stop, which leaves records at hand."""
        breath = Breath(self._breathe)
        lanes = {partition: self._lanes[partition] for partition in self._member.owned}
        for partition, now in self._silence.over(lanes, self._member.lag()).items():
            if stopping.is_set() or partition not in self._member.owned:
                continue
            done = Done()
            self._debts.add(partition, ended(lanes[partition], now, done, breath), done)
            self._commit(done)
            self._pay(stopping)

    def _commit(self, done: Done) -> None:
        begun = time.monotonic()
        try:
            self._member.commit(done.finished)
        except Lost:
            self._portion.failed()
            raise
        self._portion.succeeded()
        self._journal.committed(done, time.monotonic() - begun)

    def _done(self, chunk: Sequence[Opened | Poison], breath: Breath) -> Iterator[Done]:
        """Embed a chunk, and decide what of it is still ours then; each commit has one partition's windows at most.

        Until it is committed there are breaths while frames enter, their objects are embedded, and is chosen of
        windows; what one of them takes away cannot be committed.
        """
        frames = [one for one in chunk if isinstance(one, Opened)]
        vectors = dict(zip(map(id, frames), embedded(self._parts, frames, breath), strict=True))
        done = Done()
        for partition in sorted({one.message.partition for one in chunk}):
            if partition not in self._member.owned:
                continue
            lane = self._lanes[partition]
            own = [one for one in chunk if one.message.partition == partition and _awaited(one, lane)]
            rows = [vectors[id(one)] for one in own if isinstance(one, Opened)]
            self._debts.add(partition, decided(self._parts, lane, own, rows, done, breath), done)
            if done.ended:
                yield self._written(done)
                done = Done()
        if done.state:
            yield self._written(done)

    def _written(self, done: Done) -> Done:
        self._parts.output.flush()
        return done


def _awaited(one: Opened | Poison, lane: Lane) -> bool:
    return lane.awaits(one.message.offset, one.part)
