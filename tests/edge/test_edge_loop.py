"""The loop, fed by hand: however frames come, and whatever fails meanwhile, the same is picked, written and noted."""

from __future__ import annotations

import errno
import gc
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.daemon.pauses import pauses
from streamsel.edge.decided import Decided
from streamsel.edge.standing import Tally
from streamsel.errors import SinkError, StreamselError
from streamsel.lanes.deciding import Open, Span
from streamsel.store.entries import EntryStore
from streamsel.testing.broken_disk import BrokenDisk
from tests.edge.edge_trial import (
    CUTS,
    NAMES,
    NOON,
    PLENTY,
    Trial,
    config,
    files,
    killed_and_begun_anew,
    material,
    nothing_more,
    outcome,
    seen,
    stopped_and_begun_anew,
)


@pytest.fixture(scope="module", autouse=True)
def impatient() -> Iterator[None]:
    """What failed is tried again at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamsel.edge.loop.pauses", partial(pauses, 0.001, 0.01))
        yield


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
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> list[set[Tally]]:
    return tallies(Trial(tmp_path_factory.mktemp("one_by_one"), cuts=[1]))


def tallies(trial: Trial) -> list[set[Tally]]:
    """All that is told of each source, of which picks that are not committed are never a part."""
    told: list[set[Tally]] = [{Tally()} for _ in NAMES]

    def look() -> None:
        now = [one.decided for one in trial.standings]
        assert sum(one.picks for one in now) == len(trial.picks())
        for place, tally in enumerate(now):
            told[place].add(tally)

    trial.turned = look
    lanes = trial.run(material()).lanes
    look()
    assert [one.decided for one in trial.standings] == [Tally(lane.looked, len(lane)) for lane in lanes]
    return told


FAULTS = st.lists(st.sampled_from([None, None, None, SinkError]), max_size=12)


@settings(max_examples=10)
@given(CUTS, st.lists(st.booleans(), max_size=12), FAULTS)
def test_any_cut_any_reload_and_any_failure_give_the_same(fresh, undisturbed, cuts, reloads, faults) -> None:
    folder = fresh()
    Trial(folder, cuts, reloads, faults).run(material())
    assert outcome(folder) == undisturbed


@settings(max_examples=10)
@given(CUTS, FAULTS)
def test_frames_and_picks_are_told_as_of_one_commit(fresh, one_by_one, cuts, faults) -> None:
    told = tallies(Trial(fresh(), cuts, faults=faults))
    assert [own - known for own, known in zip(told, one_by_one, strict=True)] == [set()] * len(NAMES)
    assert min(map(len, one_by_one)) > 20


def test_no_frame_of_a_batch_outlives_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is there a cycle that holds them until a collector comes by: frames are large."""
    made: list[weakref.ref[Decided]] = []

    def watched(*given: Any) -> Decided:
        one = Decided(*given)
        made.append(weakref.ref(one))
        return one

    monkeypatch.setattr("streamsel.edge.loop.Decided", watched)
    gc.disable()
    try:
        Trial(tmp_path, cuts=[5]).run(material())
        assert len(made) > 20
        assert not [one for one in made if one() is not None]
    finally:
        gc.enable()


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
    stopped_and_begun_anew(Trial, folder, commits, cuts)
    assert outcome(folder) == undisturbed


@settings(max_examples=6)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), CUTS)
def test_killed_before_a_commit_it_picks_the_same_again(fresh, undisturbed, kills, cuts) -> None:
    folder = fresh()
    killed_and_begun_anew(Trial, folder, kills, cuts)
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
