"""The loop beside a broker that is made up: what it does when things go wrong, without waiting for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from streamsel.daemon.metrics import Metrics
from streamsel.errors import SourceError
from streamsel.ingest.emitting import TopicOutput, dead_letter
from streamsel.ingest.loop import ingest
from streamsel.ingest.parts import Parts
from streamsel.ingest.pictures import Pictures
from streamsel.ingest.portion import WELL, Portion
from streamsel.topic import Finished, Message, Polled
from streamsel.topic.incoming import Incoming
from streamsel.topic.losing import Damaged, Lost
from tests.ingest.ingesting import pictures
from tests.lanes.made_lanes import Flat, lanes

TRIES = 30


class Kept:
    """Partitions of a topic, and all that is committed. at_once: records that one commit can take, in its time."""

    def __init__(self, partitions: int, each: int, at_once: int = 1000) -> None:
        values = pictures(each)
        self.topic = {p: [Message(p, o, b"key", value) for o, value in enumerate(values)] for p in range(partitions)}
        self.offsets = dict.fromkeys(self.topic, 0)
        self.at_once, self.commits, self.deeds = at_once, list[int](), list[str]()
        self.stopping = threading.Event()

    @property
    def read(self) -> bool:
        return all(self.offsets[one] == len(some) for one, some in self.topic.items())


class Joined:
    """A member that has all partitions of what is kept."""

    def __init__(self, kept: Kept) -> None:
        self._kept, self._next = kept, dict[int, int]()

    @property
    def owned(self) -> frozenset[int]:
        return frozenset(self._next)

    def poll(self, seconds: float, gather: float = 0.0) -> Polled:
        if not self._next:
            return Polled({}, list(self._kept.topic))
        return Polled({one: self._kept.topic[one][start:] for one, start in self._next.items()})

    def breathe(self) -> None:
        self._kept.deeds.append("breathe")

    def restore(self, partition: int) -> dict[bytes, bytes]:
        self._kept.deeds.append("restore")
        return {}

    def start_at(self, partition: int, offset: int | None) -> int:
        self._next[partition] = self._kept.offsets[partition]
        return self._next[partition]

    def again(self, partition: int, offset: int) -> Message | None:
        return self._kept.topic[partition][offset]

    def commit(self, finished: Finished) -> None:
        size = sum(offset - self._kept.offsets[one] for one, offset in finished.offsets.items())
        self._kept.commits.append(size)
        assert len(self._kept.commits) < TRIES
        if size > self._kept.at_once:
            raise Lost("took too long")
        self._kept.offsets.update(finished.offsets)
        if self._kept.read:
            self._kept.stopping.set()

    def lag(self) -> Mapping[int, int]:
        return {}

    def trouble(self) -> str:
        return ""

    def close(self, seconds: float = 5.0) -> None:
        """Nothing is open."""


class Broken(Joined):
    """Comes to a record that cannot be read."""

    def poll(self, seconds: float, gather: float = 0.0) -> Polled:
        self._kept.deeds.append("poll")
        assert len(self._kept.deeds) < TRIES
        raise Damaged("host:9092/topic: topic-2: damaged at offset 7: wrong length")


@contextmanager
def parts(kept: Kept, member: Callable[[Kept], Joined] = Joined) -> Iterator[Parts]:
    embedder = Flat()
    with Pictures(Incoming("topic"), embedder.size) as opening:
        yield Parts(
            member=partial(member, kept),
            lane=lambda partition, entries: lanes("distance").lane(partition),
            pictures=opening,
            embedder=embedder,
            embeds=True,
            output=TopicOutput("picks", origin="topic", model="flat"),
            letter=partial(dead_letter, "dead", "topic"),
            metrics=Metrics(),
            records=64,
            size=1 << 30,
            gather=0.0,
        )


def test_a_commit_that_takes_too_long_is_tried_with_less() -> None:
    kept = Kept(1, 64, at_once=16)
    with parts(kept) as made:
        ingest(made, kept.stopping)
    assert kept.commits == [64, 32, 16, 16, 16, 16]


def test_it_breathes_between_partitions_that_it_restores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamsel.lanes.breath.BREATH", 0.0)
    kept = Kept(3, 1)
    with parts(kept) as made:
        ingest(made, kept.stopping)
    assert kept.deeds[:6] == ["restore", "breathe"] * 3


def test_a_damaged_record_ends_it_with_a_line() -> None:
    kept = Kept(1, 1)
    with parts(kept, Broken) as made, pytest.raises(SourceError, match=r"topic-2: damaged at offset 7: wrong length; "):
        ingest(made, kept.stopping)
    assert 1 < len(kept.deeds) < 10


def test_what_may_heal_is_told_and_is_no_illness() -> None:
    now = [0.0]
    kept, waited = Kept(1, 1), list[bool]()

    def lost_for_long(kept: Kept) -> Joined:
        now[0] += 50.0
        waited.append(not metrics.illness)
        if len(waited) < 4:
            raise Lost("no broker answers")
        return Joined(kept)

    metrics = Metrics(now=lambda: now[0])
    with parts(kept) as made:
        ingest(replace(made, member=partial(lost_for_long, kept), metrics=metrics), kept.stopping)
    assert waited == [True] * 4


def test_slow_pictures_are_no_illness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamsel.lanes.breath.BREATH", 0.0)
    now, well = [0.0], list[bool]()
    kept, metrics = Kept(1, 8), Metrics(now=lambda: now[0])

    class Slow(Joined):
        def breathe(self) -> None:
            now[0] += 50.0
            well.append(not metrics.illness)

    with parts(kept, Slow) as made:
        ingest(replace(made, metrics=metrics), kept.stopping)
    assert len(well) > 8
    assert all(well)


def test_a_portion_is_whole_again_after_commits_that_went_well() -> None:
    portion = Portion(10, 100)
    for _ in range(3):
        portion.failed()
    assert (portion.records, portion.size) == (1, 12)
    for _ in range(3 * WELL):
        portion.succeeded()
    assert (portion.records, portion.size) == (10, 100)
    for _ in range(50):
        portion.failed()
    assert (portion.records, portion.size) == (1, 1)
