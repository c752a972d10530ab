"""A broker that is made up, of a topic of which windows are chosen: who dies when, and what lies there afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Any

from streamsel.config import read_selection
from streamsel.daemon.metrics import Metrics
from streamsel.ingest.emitting import Output, TopicOutput, dead_letter
from streamsel.ingest.loop import ingest
from streamsel.ingest.owed import OWED
from streamsel.ingest.parts import Parts
from streamsel.ingest.pictures import Opened, Pictures
from streamsel.ingest.work import as_taken
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.deciding import Taken
from streamsel.lanes.making import Lanes
from streamsel.topic import Finished, Message, Polled, Record
from streamsel.topic.cloudevent import Event
from streamsel.topic.incoming import Incoming
from streamsel.topic.losing import Lost
from streamsel.topic.references import References
from tests.ingest.ingesting import pictures
from tests.lanes.made_lanes import DIVERSITY, Flat

GOAL = WindowGoal(5, 20.0)
LANES = Lanes(read_selection({"strategies": [DIVERSITY]}), Flat(), window=GOAL)
NOON = 1_700_000_040
Sent = tuple[str, str, dict[str, str]]


@dataclass
class Broker:
    """Two partitions, what is committed, and who dies when: before or after so many commits. read: of one poll."""

    topic: dict[int, list[Message]]
    read: int = 1000
    dies: tuple[int, str] = (0, "")
    loses: Sequence[Path] = ()
    """Files, when something is owed."""
    gone: set[tuple[int, int]] = field(default_factory=set)
    offsets: dict[int, int] = field(default_factory=dict)
    state: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    sent: list[tuple[str, Record]] = field(default_factory=list)
    commits: list[Finished] = field(default_factory=list)
    taken_away: list[bool] = field(default_factory=list)
    """Whether something was owed, each time that a partition went."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def commit(self, finished: Finished) -> None:
        self.commits.append(finished)
        assert len(self.commits) < 1000
        if any(key.startswith(OWED) for entries in finished.state.values() for key in entries):
            for file in self.loses:
                file.unlink(missing_ok=True)
        if self.dies == (len(self.commits), "before"):
            raise Lost("died before")
        self.sent += finished.records
        self.offsets.update(finished.offsets)
        for partition, entries in finished.state.items():
            kept = self.state.setdefault(partition, {})
            for key, value in entries.items():
                kept.pop(key, None) if value is None else kept.update({key: value})
        self._stop_at_the_end()
        if self.dies == (len(self.commits), "after"):
            raise Lost("died after")

    def _stop_at_the_end(self) -> None:
        owed = any(key.startswith(OWED) for kept in self.state.values() for key in kept)
        if not owed and all(self.offsets.get(one) == len(some) for one, some in self.topic.items()):
            self.stopping.set()


class Member:
    """Has all partitions of a broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self._next = broker, dict[int, int]()

    @property
    def owned(self) -> frozenset[int]:
        return frozenset(self._next)

    def poll(self, seconds: float, gather: float = 0.0) -> Polled:
        if not self._next:
            return Polled({}, list(self._broker.topic))
        found = {one: self._broker.topic[one][start : start + self._broker.read] for one, start in self._next.items()}
        self._next = {one: start + len(found[one]) for one, start in self._next.items()}
        return Polled(found)

    def breathe(self) -> None:
        """Nobody asks."""

    def restore(self, partition: int) -> dict[bytes, bytes]:
        return dict(self._broker.state.get(partition, {}))

    def start_at(self, partition: int, offset: int | None) -> int:
        self._next[partition] = offset or 0
        return offset or 0

    def again(self, partition: int, offset: int) -> Message | None:
        return None if (partition, offset) in self._broker.gone else self._broker.topic[partition][offset]

    def commit(self, finished: Finished) -> None:
        self._broker.commit(finished)

    def lag(self) -> Mapping[int, int]:
        return {one: len(self._broker.topic[one]) - start for one, start in self._next.items()}

    def trouble(self) -> str:
        return ""

    def close(self, seconds: float = 5.0) -> None:
        """Nothing is open."""


@contextmanager
def parts(
    broker: Broker,
    member: Callable[[Broker], Member] = Member,
    records: int = 64,
    references: References | None = None,
    lanes: Lanes = LANES,
    output: Output | None = None,
) -> Iterator[Parts]:
    incoming = Incoming("topic", tasks=lanes.tasks)
    with Pictures(incoming, Flat.size, references=references, whole=lanes.reads_pixels) as opening:
        yield Parts(
            member=partial(member, broker),
            lane=lanes.lane,
            pictures=opening,
            embedder=Flat(),
            embeds=lanes.reads_vectors,
            output=output or TopicOutput("picks", origin="topic", model="flat"),
            letter=partial(dead_letter, "dead", "topic"),
            metrics=Metrics(),
            records=records,
            size=1 << 30,
            gather=0.0,
        )


def topic(partitions: int = 2, each: int = 70, step: int = 1000) -> dict[int, list[Message]]:
    """Records a second apart, now and then a late one; the last comes an hour later."""
    made = {}
    for partition in range(partitions):
        values = pictures(each, scene=3, seed=partition)
        whens = [NOON * 1000 + number * step - (7_000 if number % 17 == 16 else 0) for number in range(each)]
        whens[-1] += 3_600_000
        of = zip(values, whens, strict=True)
        made[partition] = [Message(partition, o, b"key%d" % partition, v, (), when) for o, (v, when) in enumerate(of)]
    return made


def run(broker: Broker, **options: Any) -> Broker:
    with parts(broker, **options) as made:
        ingest(made, broker.stopping)
    return broker


def segments(folder: Path, clip: Path) -> dict[int, list[Message]]:
    """Three segments of a camera, twenty seconds apart, and one much later; each has its own file."""
    made = []
    for offset, when in enumerate((0, 5, 20, 3600)):
        copyfile(clip, folder / f"{offset}.mp4")
        event = Event(id=str(offset), source="cam", type="segment", subject=f"{offset}.mp4", dataref=f"{offset}.mp4")
        made.append(Message(0, offset, b"cam", None, event.headers(), (NOON + when) * 1000))
    return {0: made}


def as_rows(messages: Sequence[Message]) -> list[Taken]:
    """Pictures of records as a lane takes them."""
    embedder = Flat()
    with Pictures(Incoming("topic"), Flat.size) as opening:
        frames = [one for one in opening.opened(messages) if isinstance(one, Opened)]
    return [as_taken(one, embedder.embed(one.picture[None])[0]) for one in frames]
