"""The ingest loop, on one page: poll, open, embed over all partitions at once, decide a lane at a time, commit.

What is committed in one transaction: picks, dead letters, the changes of each lane's state, offsets. Whatever fails
before that undoes nothing, for nothing was done: the member is thrown away with all lanes, and a new one starts from
what is committed. Picks that go to a folder are on disk before, under names that are the same the next time.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from streamsel.service.journal import Journal
from streamsel.service.lane import Lane
from streamsel.service.parts import GroupMember, Parts
from streamsel.service.pictures import Opened, Poison
from streamsel.service.work import Breath, Done, chunks, decided, embedded
from streamsel.topic import Message, Polled
from streamsel.topic.losing import Lost

__all__ = ["ingest"]

TURN: Final = 1.0
"""Seconds that a poll waits for something to do."""

LONGEST_PAUSE: Final = 10.0
LEAVE: Final = 5.0
"""Seconds that leaving may take."""


def ingest(parts: Parts, stopping: threading.Event) -> None:
    """Works until stopping is set, then finishes the chunk in hand. Raises StreamselError where no retry would help."""
    journal = Journal(parts.metrics)
    pauses = _pauses()
    while not stopping.is_set():
        commits = parts.metrics.count("records")
        try:
            with closing(parts.member()) as member:
                _serve(parts, member, journal, stopping)
        except Lost as lost:
            if parts.metrics.count("records") > commits:
                pauses = _pauses()
            pause = next(pauses)
            journal.rebuilding(str(lost), pause)
            stopping.wait(pause)


def _pauses() -> Iterator[float]:
    """Before each try in a row: doubling, and never the same for two members."""
    pause = 0.1
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, LONGEST_PAUSE)


def _serve(parts: Parts, member: GroupMember, journal: Journal, stopping: threading.Event) -> None:
    lanes: dict[int, Lane] = {}
    while not stopping.is_set():
        polled = member.poll(TURN, parts.gather)
        _rebalance(parts, member, journal, polled, lanes)
        _work(parts, member, journal, stopping, lanes, [one for some in polled.messages.values() for one in some])
        journal.turned(member.lag())


def _rebalance(parts: Parts, member: GroupMember, journal: Journal, polled: Polled, lanes: dict[int, Lane]) -> None:
    """Lanes follow their partitions; one that comes is made from its changelog, whose position rules."""
    for partition in polled.lost:
        lanes.pop(partition, None)
    for partition in polled.gained:
        begun = time.monotonic()
        entries = member.restore(partition)
        lanes[partition] = lane = parts.lane(partition, entries)
        start = member.start_at(partition, lane.position)
        journal.restored(partition, len(entries), start, time.monotonic() - begun)
    if polled.gained or polled.lost:
        journal.rebalanced(polled.gained, polled.lost, sorted(member.owned))


def _work(
    parts: Parts,
    member: GroupMember,
    journal: Journal,
    stopping: threading.Event,
    lanes: dict[int, Lane],
    messages: Sequence[Message],
) -> None:
    breath = Breath(member.breathe)
    with closing(parts.pictures.opened(messages)) as opened:
        for chunk in chunks(opened, parts.records, parts.size, breath):
            done = _done(parts, member, lanes, chunk, breath)
            begun = time.monotonic()
            member.commit(done.finished)
            journal.committed(done, time.monotonic() - begun)
            if stopping.is_set():
                return


def _done(
    parts: Parts, member: GroupMember, lanes: dict[int, Lane], chunk: Sequence[Opened | Poison], breath: Breath
) -> Done:
    """Embed a chunk, and decide what of it is still ours then: from here to the commit there is no breath."""
    frames = [one for one in chunk if isinstance(one, Opened)]
    vectors = dict(zip(map(id, frames), embedded(parts, frames, breath), strict=True))
    done = Done()
    for partition in sorted(member.owned & {one.message.partition for one in chunk}):
        lane = lanes[partition]
        own = [one for one in chunk if one.message.partition == partition and lane.awaits(one.message.offset, one.part)]
        decided(parts, lane, own, [vectors[id(one)] for one in own if isinstance(one, Opened)], done)
    parts.output.flush()
    return done
