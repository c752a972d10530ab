"""A loop that is fed by hand: its frames, its folder, what fails meanwhile, and what lasts of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import strategies as st

from streamsel.config.edge import EdgeConfig, Quota
from streamsel.data import Frame, Mark
from streamsel.decode.picture import StillPicture
from streamsel.edge import Seen, Segment
from streamsel.edge.inbox import Inbox
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.keeping.quota import QuotaKeeper
from streamsel.edge.keeping.shots import shots_of
from streamsel.edge.loop import Loop
from streamsel.edge.parts import Parts, Picked
from streamsel.edge.process.spill import Spill
from streamsel.edge.showing.journal import Complaints
from streamsel.edge.source_lanes import makers_of, source_lanes
from streamsel.edge.standing import Standing
from streamsel.edge.telling.events import kafka_event, mqtt_event
from streamsel.edge.trays import Trays
from streamsel.edge.windows import Windows
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.errors import SinkError
from streamsel.lanes.lane import Lane
from streamsel.store.entries import Committed, EntryStore
from streamsel.testing.ingest_material import tiny_model

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAMES = ("yard", "door", "gate", "roof")
OUTBOXES = ("mqtt", "kafka")
PLENTY = 1 << 40
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=12)
"""How many frames each batch has."""


class KilledError(BaseException):
    """The process ends here."""


Fault = type[SinkError] | type[KilledError] | None


class FaultyStore(EntryStore):
    """faults: of each commit in turn, what comes of it instead; none behind the last."""

    def __init__(self, path: Path, faults: Sequence[Fault] = ()) -> None:
        super().__init__(path, OUTBOXES)
        self._faults = iter(faults)

    def commit(self, changes: Committed) -> None:
        if fault := next(self._faults, None):
            raise fault("there is no room")
        super().commit(changes)


class NoClock(Windows):
    """The clock on the wall ends nothing."""

    def over(self, lanes: Sequence[Lane], busy: Collection[int]) -> list[int]:
        return []

    def behind(self, lanes: Sequence[Lane], seen: Sequence[Seen]) -> list[int]:
        return []


class CutInbox(Inbox):
    """cuts: how many it gives at once at most, in turn; the last one goes on. stopping: set when it is empty."""

    def __init__(self, cuts: Sequence[int], stopping: threading.Event) -> None:
        super().__init__(1 << 30)
        self._cuts, self._stopping = [*reversed(cuts)], stopping

    def take(self, most: int, seconds: float) -> list[Seen]:
        if not self.queued:
            self._stopping.set()
            return []
        cut = self._cuts.pop() if len(self._cuts) > 1 else self._cuts[0]
        return super().take(min(most, cut), seconds)


@cache
def embedder() -> Embedder:
    with TemporaryDirectory() as folder:
        return load_embedder(str(tiny_model(Path(folder))), device="cpu", threads=1)


def config(**changed: object) -> EdgeConfig:
    """Two sources by distance, one by ratio, one by windows of time."""
    sources = [
        {"name": "yard", "folder": "/segments"},
        {"name": "door", "url": "rtsp://camera/1", "min_distance": 0.8},
        {"name": "gate", "url": "rtsp://camera/2", "target_ratio": 0.2},
        {"name": "roof", "url": "rtsp://camera/3", "window": {"picks": 3, "minutes": 10}},
    ]
    told = {"kind": "edge", "sources": sources, "state": "/state", "output": {"folder": "/picks"}}
    return EdgeConfig.model_validate({**told, "min_distance": 0.6, **changed})


def seen(place: int, offset: int, part: int, *, scene: int, last: bool = True) -> Seen:
    """A picture of a scene, with noise of its own. Of the first source it is part of a segment, else of a camera."""
    random = np.random.default_rng((scene, place, offset, part))
    patches = np.random.default_rng(scene).integers(30, 226, (4, 4, 3)).repeat(8, 0).repeat(8, 1)
    shown = StillPicture((patches + random.integers(-8, 9, (32, 32, 3))).astype(np.uint8))
    segment = Segment(offset, f"{offset}.mp4", 1000, 5) if place == 0 else None
    index = part if segment else offset
    frame = Frame(Mark(segment.name if segment else "camera", index, 40 * index, Fraction(1, 1000)), shown)
    taken = NOON + timedelta(seconds=60 * offset + part)
    started = "" if segment else "20261121T115900Z"
    return Seen(place, offset, part, last, taken, frame, shown.rgb(16, 16), started, segment)


def nothing_more(one: Seen) -> Seen:
    return replace(one, last=True, frame=None, crop=None)


def material() -> list[Seen]:
    """Of all sources, as their threads would put them in: each in order. One segment breaks off."""
    dice = np.random.default_rng(7)
    yard = [seen(0, n, part, scene=n + part // 4, last=part == 11) for n in range(3) for part in range(12)]
    yard[12 + 7 :] = [nothing_more(yard[12 + 7]), nothing_more(seen(0, 2, 0, scene=0)), *yard[24:]]
    yard[13 + 8 :] = [replace(one, offset=3, segment=Segment(3, "3.mp4", 1000, 5)) for one in yard[13 + 8 :]]
    lines = [iter(yard), *(iter([seen(place, n, 0, scene=n // 5) for n in range(30)]) for place in (1, 2, 3))]
    mixed: list[Seen] = []
    while lines:
        line = lines[dice.integers(len(lines))]
        if one := next(line, None):
            mixed.append(one)
        else:
            lines.remove(line)
    return mixed


@dataclass
class Trial:
    """A loop with its folder. cuts: how many frames it takes at once, in turn. reloads: when lanes are made anew.

    made: by which they are at first; other: by which they are then. now: on the clock that ends windows; None: it ends
    none. commits: after so many it is stopped; None: when all was taken. trays: whether frames wait in them for others
    of their sequence; most: bytes of memory for those. incomplete: by source, as it was told. standings: of the
    sources, once it runs.
    """

    folder: Path
    cuts: Sequence[int] = (5,)
    reloads: Sequence[bool] = ()
    faults: Sequence[Fault] = ()
    commits: int | None = None
    other: EdgeConfig = field(default_factory=lambda: config())
    made: EdgeConfig = field(default_factory=lambda: config())
    batch_picks: list[list[Picked]] = field(default_factory=list)
    turned: Callable[[], None] = lambda: None
    stopping: threading.Event = field(default_factory=threading.Event)
    now: datetime | None = None
    trays: bool = True
    most: int = PLENTY
    incomplete: Counter[str] = field(default_factory=Counter)

    def run(self, given: Sequence[Seen]) -> Loop:
        """Until all of it was taken."""
        store = FaultyStore(self.folder / "state.db", self.faults)
        try:
            loop = Loop(self._parts(store, given))
            loop.run(self.stopping)
            return loop
        finally:
            store.close()

    def _parts(self, store: EntryStore, given: Sequence[Seen]) -> Parts:
        inbox = CutInbox(self.cuts, self.stopping)
        self.standings = standings = [Standing(name) for name in NAMES]
        for one in given:
            inbox.put(one, standings[one.place], self.stopping, waits=True)
        quota = QuotaKeeper(self.folder / "picks", Quota(free=0), free=lambda: PLENTY)
        padding = self.made.rules.worker.object_level.padding
        pictures = Pictures(self.folder / "picks", quality=80, model="tiny", padding=padding, told=quota.wrote)
        reloads = iter(self.reloads)

        def committed(picks: Sequence[Picked], seconds: float) -> None:
            self.batch_picks.append(list(picks))
            if not inbox.queued or len(self.batch_picks) == self.commits:
                self.stopping.set()

        return Parts(
            inbox=inbox,
            lanes=source_lanes(self.made, embedder()),
            embedder=embedder(),
            embeds=True,
            pictures=pictures,
            quota=quota,
            store=store,
            events={"mqtt": partial(mqtt_event, topic="picks/{source}"), "kafka": kafka_event},
            sendings=None,
            batch=1000,
            reloaded=lambda: (
                (source_lanes(self.other, embedder()), lambda: ["other"]) if next(reloads, False) else None
            ),
            gone=dict,
            committed=committed,
            unusable=Complaints(standings),
            windows=self._windows(standings, inbox),
            glances=[None] * len(config().sources),
            turned=(lambda: self.turned(),),
            trays=self._trays(pictures),
            incomplete=self._incomplete,
        )

    def _trays(self, pictures: Pictures) -> Trays:
        length = self.made.rules.worker.selected_sequence_length if self.trays else 1
        look = makers_of(self.made, embedder())[0].look
        encoded, file = partial(pictures.encoded, look), partial(Spill, self.folder)
        self.waiting = Trays(length, lambda: self.most, encoded, file, self._incomplete)
        return self.waiting

    def _incomplete(self, place: int, frames: int) -> None:
        self.incomplete[NAMES[place]] += frames

    def _windows(self, standings: Sequence[Standing], inbox: Inbox) -> Windows:
        if self.now is None:
            return NoClock(config().sources, standings, inbox)
        return Windows(config().sources, standings, inbox, self.now.timestamp)

    def picks(self) -> list[Picked]:
        return [pick for batch in self.batch_picks for pick in batch]


def killed_and_begun_anew(trial: Callable[..., Trial], folder: Path, kills: Sequence[int], cuts: Sequence[int]) -> None:
    """Trials in one folder, each killed before its commit of that number, and one that comes to its end."""
    for before in kills:
        try:
            trial(folder, cuts, faults=[*[None] * before, KilledError]).run(material())
        except KilledError:
            continue
    trial(folder).run(material())


def stopped_and_begun_anew(
    trial: Callable[..., Trial],
    folder: Path,
    commits: int,
    cuts: Sequence[int],
    between: Callable[[], object] = lambda: None,
) -> None:
    """One that is stopped after so many commits, and another: nothing is picked by both. between: called then."""
    first = trial(folder, cuts, commits=commits)
    first.run(material())
    between()
    second = trial(folder)
    second.run(material())
    ids = [written.id for _, _, written in [*first.picks(), *second.picks()]]
    assert len(set(ids)) == len(ids)


def outcome(folder: Path) -> dict[str, object]:
    """All that lasts: files, state and segments by source, and what waits for brokers, by source in order."""
    picks = folder / "picks"
    told: dict[str, object] = {str(path.relative_to(picks)): path.read_bytes() for path in files(picks)}
    store = EntryStore(folder / "state.db", OUTBOXES)
    for name in NAMES:
        told[f"{name} state"], told[f"{name} segments"] = store.entries(name), store.segments(name)
        told[f"{name} held"] = store.entries(shots_of(name))
        for box in OUTBOXES:
            waiting = store.outbox(box).waiting(0, PLENTY)
            told[f"{name} to {box}"] = [replace(one, number=0) for one in waiting if one.about.startswith(name)]
    store.close()
    return told


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
