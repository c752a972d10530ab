"""The loop, fed by hand: however frames come, and whatever fails meanwhile, the same is picked, written and noted."""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
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
from streamsel.edge.showing.journal import Complaints
from streamsel.edge.source_lanes import source_lanes
from streamsel.edge.standing import Standing
from streamsel.edge.telling.events import kafka_event, mqtt_event
from streamsel.edge.windows import Windows
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.errors import SinkError, StreamselError
from streamsel.lanes.deciding import Open, Span
from streamsel.lanes.lane import Lane
from streamsel.store.entries import Committed, EntryStore
from streamsel.testing.broken_disk import BrokenDisk
from streamsel.testing.ingest_material import tiny_model

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAMES = ("yard", "door", "gate", "roof")
OUTBOXES = ("mqtt", "kafka")
PLENTY = 1 << 40


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
    """cuts: how many it gives at once at most, in turn; the last one goes on."""

    def __init__(self, cuts: Sequence[int]) -> None:
        super().__init__(1 << 30)
        self._cuts = [*reversed(cuts)]

    def take(self, most: int, seconds: float) -> list[Seen]:
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
    none. commits: after so many it is stopped; None: when all was taken.
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
        inbox = CutInbox(self.cuts)
        standings = [Standing(name) for name in NAMES]
        for one in given:
            inbox.put(one, standings[one.place], self.stopping, waits=True)
        quota = QuotaKeeper(self.folder / "picks", Quota(free=0), free=lambda: PLENTY)
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
            pictures=Pictures(self.folder / "picks", quality=80, model="tiny", told=quota.wrote),
            quota=quota,
            store=store,
            events={"mqtt": partial(mqtt_event, topic="picks/{source}"), "kafka": kafka_event},
            sendings=None,
            batch=1000,
            reloaded=lambda: source_lanes(self.other, embedder()) if next(reloads, False) else None,
            gone=dict,
            committed=committed,
            unusable=Complaints(standings),
            windows=self._windows(standings, inbox),
            glances=[None] * len(config().sources),
            turned=(lambda: self.turned(),),
        )

    def _windows(self, standings: Sequence[Standing], inbox: Inbox) -> Windows:
        if self.now is None:
            return NoClock(config().sources, standings, inbox)
        return Windows(config().sources, standings, inbox, self.now.timestamp)

    def picks(self) -> list[Picked]:
        return [pick for batch in self.batch_picks for pick in batch]


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


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("undisturbed")
    trial = Trial(folder)
    trial.run(material())
    by_source = [sum(one.place == place for one, _, _ in trial.picks()) for place in range(4)]
    assert min(by_source) >= 3, by_source
    assert sum(by_source) < len(material()) // 2
    told = outcome(folder)
    assert len(told["roof held"]) == 10, "candidates of the window that is open"
    return told


@pytest.fixture(scope="module")
def fresh() -> Iterator[Callable[[], Path]]:
    """A new folder at each call, as hypothesis wants one for each example."""
    made: list[TemporaryDirectory[str]] = []

    def new() -> Path:
        made.append(TemporaryDirectory())
        return Path(made[-1].name)

    yield new
    for folder in made:
        folder.cleanup()


CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=12)
FAULTS = st.lists(st.sampled_from([None, None, None, SinkError]), max_size=12)


@settings(max_examples=10)
@given(CUTS, st.lists(st.booleans(), max_size=12), FAULTS)
def test_any_cut_any_reload_and_any_failure_give_the_same(fresh, undisturbed, cuts, reloads, faults) -> None:
    folder = fresh()
    Trial(folder, cuts, reloads, faults).run(material())
    assert outcome(folder) == undisturbed


@settings(max_examples=10)
@given(st.integers(0, 400), st.sampled_from([errno.ENOSPC, errno.EIO, errno.EROFS]))
def test_a_disk_that_refuses_for_a_while_changes_nothing(fresh, undisturbed, good: int, number: int) -> None:
    folder = fresh()
    disk = BrokenDisk(good, number)

    def healed() -> None:
        if disk.calls > good:
            disk.calls = -PLENTY

    (folder / "picks").mkdir()
    with disk.installed():
        Trial(folder, turned=healed).run(material())
    assert outcome(folder) == undisturbed


@settings(max_examples=6)
@given(st.integers(1, 15), CUTS)
def test_frames_that_were_taken_are_passed_over_after_a_restart(fresh, undisturbed, commits: int, cuts) -> None:
    folder = fresh()
    first = Trial(folder, cuts, commits=commits)
    first.run(material())
    second = Trial(folder)
    second.run(material())
    assert outcome(folder) == undisturbed
    ids = [written.id for _, _, written in [*first.picks(), *second.picks()]]
    assert len(set(ids)) == len(ids)


@settings(max_examples=6)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), CUTS)
def test_killed_before_a_commit_it_picks_the_same_again(fresh, undisturbed, kills, cuts) -> None:
    folder = fresh()
    for before in kills:
        trial = Trial(folder, cuts, faults=[*[None] * before, KilledError])
        try:
            trial.run(material())
        except KilledError:
            continue
    Trial(folder).run(material())
    assert outcome(folder) == undisturbed


@settings(max_examples=5)
@given(CUTS)
def test_gaps_and_days_go_by_the_clock_though_a_camera_begins_its_times_anew(fresh, cuts) -> None:
    sources = [{"name": name, "url": f"rtsp://camera/{name}"} for name in NAMES]
    passing = {"input": {"type": "RANDOM"}, "strategy": {"type": "THRESHOLD", "operation": "BIGGER", "threshold": -1}}
    limits = [{"type": "MIN_GAP", "seconds": 5400}, {"type": "AT_MOST", "count": 4, "per": {"type": "DAY"}}]
    selection = {"strategies": [passing], "constraints": limits}
    hourly = []
    for hour in range(30):
        one = seen(1, hour, 0, scene=hour)
        again = replace(one.frame.mark, pts=40 * (hour % 7))
        hourly.append(replace(one, taken=NOON + timedelta(hours=hour), frame=replace(one.frame, mark=again)))
    made = config(sources=sources, min_distance=None, selection=selection)
    trial = Trial(fresh(), cuts, made=made)
    trial.run(hourly)
    hours = [round((one.taken - NOON) / timedelta(hours=1)) for one, _, _ in trial.picks()]
    assert hours == [0, 2, 4, 6, 12, 14, 16, 18]


def test_thresholds_that_the_state_does_not_fit_are_refused(tmp_path: Path, undisturbed, caplog) -> None:
    diverse = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    other = config(selection={"strategies": [diverse], "constraints": [{"type": "MIN_GAP", "seconds": 9}]})
    Trial(tmp_path, reloads=[*[False] * 5, True, False, True], other=other).run(material())
    assert outcome(tmp_path) == undisturbed
    told = [(one.message, one.facts["reason"]) for one in caplog.records]
    assert len(told) == 2
    assert all(message == "not reloaded" and "source yard: the saved state" in reason for message, reason in told)


def test_what_is_committed_together_is_told_once_and_after(tmp_path: Path) -> None:
    """Picks of a batch that failed are told of when it is committed, and not before."""
    trial = Trial(tmp_path, cuts=[1000], faults=[SinkError, SinkError])
    told_meanwhile: list[int] = []
    trial.turned = lambda: told_meanwhile.append(len(trial.batch_picks))
    trial.run(material())
    assert told_meanwhile == [0, 0, 1]
    ids = [written.id for _, _, written in trial.picks()]
    assert len(set(ids)) == len(ids) == len(files(tmp_path / "picks")) // 2


def test_where_nothing_more_comes_the_lane_goes_on_to_the_next_segment(tmp_path: Path) -> None:
    begun = [seen(0, 0, part, scene=0, last=False) for part in range(3)]
    lane = Trial(tmp_path).run(begun).lanes[0]
    assert (lane.position, lane.inside) == (0, 3)
    lane = Trial(tmp_path).run([nothing_more(seen(0, 0, 3, scene=0))]).lanes[0]
    assert (lane.position, lane.inside, lane.looked) == (1, 0, 3)
    lane = Trial(tmp_path).run([nothing_more(seen(0, 1, 0, scene=0))]).lanes[0]
    assert (lane.position, lane.inside, lane.looked) == (2, 0, 3)
    store = EntryStore(tmp_path / "state.db")
    assert [one.name for one in store.segments("yard").values()] == ["0.mp4", "1.mp4"]
    store.close()


def test_a_segment_that_was_read_is_told_once_it_is_committed(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO", "streamsel.daemon")
    whole = [seen(0, 0, part, scene=0, last=part == 4) for part in range(5)]
    Trial(tmp_path, cuts=[2], faults=[None, None, SinkError]).run(whole)
    assert [one.message for one in caplog.records] == ["cannot write", "read"]
    assert caplog.records[-1].facts == {"source": "yard", "segment": "0.mp4", "frames": 5, "picks": 1}


def test_each_segment_is_told_with_its_own_counts(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO", "streamsel.daemon")
    first = [seen(0, 0, part, scene=part % 2, last=part == 3) for part in range(4)]
    second = [seen(0, 1, part, scene=part, last=part == 2) for part in range(3)]
    Trial(tmp_path).run([*first, *second, nothing_more(seen(0, 2, 0, scene=0))])
    told = [tuple(one.facts.values()) for one in caplog.records]
    assert told == [("yard", "0.mp4", 4, 2), ("yard", "1.mp4", 3, 1), ("yard", "2.mp4", 0, 0)]


def test_asked_to_stop_while_the_disk_is_full_it_returns_and_goes_on_later(tmp_path: Path, undisturbed) -> None:
    (tmp_path / "picks").mkdir()
    trial, full = Trial(tmp_path), threading.Event()
    trial.turned = full.set
    with BrokenDisk(0, errno.ENOSPC).installed():
        thread = threading.Thread(target=trial.run, args=[material()], daemon=True)
        thread.start()
        assert full.wait(30)
        trial.stopping.set()
        thread.join(30)
        assert not thread.is_alive()
    assert trial.batch_picks == []
    assert files(tmp_path / "picks") == []
    Trial(tmp_path).run(material())
    assert outcome(tmp_path) == undisturbed


def test_it_lives_while_it_chooses_and_a_stop_does_not_wait_for_that(tmp_path, undisturbed, monkeypatch) -> None:
    monkeypatch.setattr("streamsel.lanes.breath.BREATH", 0)
    trial, signs = Trial(tmp_path, cuts=[1000]), []
    trial.turned = lambda: signs.append(len(signs)) or (len(signs) == 5 and trial.stopping.set())
    trial.run(material())
    assert signs == list(range(6)), "one more behind the last turn, none while it would have chosen on"
    assert trial.batch_picks == []
    assert files(tmp_path / "picks") == []
    Trial(tmp_path).run(material())
    assert outcome(tmp_path) == undisturbed


def test_a_window_s_pictures_are_read_one_at_a_time_and_told_of_meanwhile(tmp_path, undisturbed, monkeypatch) -> None:
    """Each once, to be written; names are made without. Only the latest, which the page shows, are held until then."""
    read, waiting = [], []
    entry = EntryStore.entry
    monkeypatch.setattr(EntryStore, "entry", lambda *asked: read.append(asked) or entry(*asked))
    monkeypatch.setattr("streamsel.edge.decided.MOST_SHOWN", 1)
    monkeypatch.setattr("streamsel.lanes.breath.BREATH", 0)
    trial = Trial(tmp_path, cuts=[1000])
    trial.turned = lambda: waiting.append(not trial.batch_picks and len(files(tmp_path / "picks")) // 2)
    trial.run(material())
    assert outcome(tmp_path) == undisturbed
    (batch,) = trial.batch_picks
    assert [n for n in waiting if n][: len(batch)] == list(range(1, len(batch) + 1))
    shown = [(bool(shot.data), bool(written.data)) for shot, _, written in batch]
    assert shown == [*[(False, False)] * (len(batch) - 1), (True, True)]
    read.clear()
    again = Trial(tmp_path / "again", cuts=[5])
    (tmp_path / "again").mkdir()
    again.run([seen(3, n, 0, scene=n) for n in range(12)])
    assert len(read) == len(again.picks()) == 3


def test_a_clock_that_was_years_ahead_ends_its_window_though_frames_keep_coming(tmp_path: Path) -> None:
    roof = [seen(3, n, 0, scene=n) for n in range(20)]
    ahead = [replace(one, taken=one.taken.replace(year=2030)) for one in roof[:10]]
    trial = Trial(tmp_path, faults=[None, None, SinkError], now=roof[-1].taken)
    lane = trial.run([*ahead, *roof[10:]]).lanes[3]
    assert {verdict.window.begin for _, verdict, _ in trial.picks()} == {NOON.replace(year=2030).timestamp()}
    assert {shot.mark.index for shot, _, _ in trial.picks()} < set(range(10))
    assert len(trial.picks()) == 3
    assert lane.open == Open(Span(NOON.timestamp() + 600, NOON.timestamp() + 1200), 10)


def test_state_that_is_damaged_is_not_tried_again(tmp_path: Path) -> None:
    Trial(tmp_path, commits=2).run(material())
    with sqlite3.connect(tmp_path / "state.db") as state:
        state.execute("UPDATE entry SET value = 'x' WHERE key = ?", (b"#lane",))
    state.close()
    with pytest.raises(StreamselError, match="source yard: saved state"):
        Trial(tmp_path).run(material())
