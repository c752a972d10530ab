"""Sequences at the edge: whatever cuts, stops or fails, the same frames are gathered, picked as a whole and written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.edge import Seen
from streamsel.edge.feeds.glance import enough
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.rhythm import Rhythm
from streamsel.errors import SinkError, StreamselError
from streamsel.lanes.sequences import FRAMES
from streamsel.store.entries import EntryStore
from tests.edge.edge_trial import (
    CUTS,
    NAMES,
    OUTBOXES,
    PLENTY,
    Trial,
    killed_and_begun_anew,
    material,
    nothing_more,
    outcome,
    seen,
    stopped_and_begun_anew,
)
from tests.edge.sequence_trial import CAMERAS, DIVERSE, LENGTH, door, facts_of, of_sequences


def trial(folder: Path, cuts: Sequence[int] = (5,), **options: Any) -> Trial:
    return Trial(folder, cuts, made=of_sequences(), other=of_sequences(), **options)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("undisturbed")
    trial(folder).run(material())
    counts = Counter(fact["source"] for fact in facts_of(folder))
    assert {*counts} == {*NAMES}
    assert all(count % LENGTH == 0 for count in counts.values())
    return outcome(folder)


def test_a_pick_is_so_many_frames_of_one_stream_and_all_are_written(tmp_path: Path) -> None:
    run = trial(tmp_path)
    run.run(material())
    kept = facts_of(tmp_path)
    for (source, _), pick in groupby(kept, key=lambda fact: (fact["source"], fact["ordinal"])):
        told = list(pick)
        first = told[0]["index"]
        assert [fact["index"] for fact in told] == list(range(first, first + LENGTH))
        assert [fact["sequence"] for fact in told] == [
            {"number": told[0]["sequence"]["number"], "place": place} for place in range(LENGTH)
        ]
        assert first == LENGTH * told[0]["sequence"]["number"]
        assert len({fact.get("segment") for fact in told}) == 1
        assert len({fact["distance"] for fact in told}) == 1
        assert (source == "roof") == ("window" in told[0])
    assert len(kept) == len({fact["id"] for fact in kept}) == len(run.picks())
    assert all(bool(written.data) == (verdict.sequence.first == 0) for _, verdict, written in run.picks())
    assert all((tmp_path / "picks" / fact["file"]).stat().st_size for fact in kept)
    segments = Counter(one.offset for one in material() if one.place == 0 and one.frame)
    assert run.incomplete == {"yard": sum(frames % LENGTH for frames in segments.values())} != {"yard": 0}


def test_each_picture_has_an_event_that_tells_its_place(tmp_path: Path) -> None:
    trial(tmp_path).run(material())
    store = EntryStore(tmp_path / "state.db", OUTBOXES)
    sent = {box: list(store.outbox(box).waiting(0, PLENTY)) for box in OUTBOXES}
    store.close()
    told = {fact["id"]: fact["sequence"] for fact in facts_of(tmp_path)}
    assert {one.id: json.loads(one.value)["sequence"] for one in sent["mqtt"]} == told
    headers = {one.id: dict(one.headers) for one in sent["kafka"]}
    places = {id_: (one["ce_sequencenumber"], one["ce_sequenceplace"]) for id_, one in headers.items()}
    assert places == {id_: (str(one["number"]).encode(), str(one["place"]).encode()) for id_, one in told.items()}
    places_in_order = [told[one.id]["place"] for one in sent["mqtt"]]
    assert places_in_order == [*range(LENGTH)] * (len(told) // LENGTH)


def test_a_picture_is_read_again_by_one_event_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MQTT's has none, and the page shows the first of each pick, which are at hand."""
    again, read = Counter[str](), Pictures.read
    monkeypatch.setattr(Pictures, "read", lambda pictures, file: again.update([file]) or read(pictures, file))
    trial(tmp_path).run(material())
    assert again == {fact["file"]: 1 for fact in facts_of(tmp_path) if fact["sequence"]["place"]}


@settings(max_examples=8)
@given(CUTS, st.lists(st.booleans(), max_size=12), st.lists(st.sampled_from([None, None, SinkError]), max_size=12))
def test_any_cut_any_reload_and_any_failure_give_the_same(fresh, undisturbed, cuts, reloads, faults) -> None:
    folder = fresh()
    run = trial(folder, cuts, reloads=reloads, faults=faults)
    run.run(material())
    assert outcome(folder) == undisturbed
    assert {*run.incomplete} == {"yard"}
    assert run.incomplete["yard"] < LENGTH * 4


@settings(max_examples=6)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), CUTS)
def test_killed_before_a_commit_it_picks_the_same_again(fresh, undisturbed, kills, cuts) -> None:
    folder = fresh()
    killed_and_begun_anew(trial, folder, kills, cuts)
    assert outcome(folder) == undisturbed


@settings(max_examples=4)
@given(st.integers(1, 12), CUTS)
def test_what_is_committed_stands_at_whole_sequences(fresh, undisturbed, commits: int, cuts) -> None:
    """No picture and no frame waits in the state but candidates of windows, and no frame is taken twice after it."""
    folder = fresh()

    def no_frame_waits() -> None:
        store = EntryStore(folder / "state.db", OUTBOXES)
        assert not [key for name in NAMES for key in store.entries(name) if key.startswith(FRAMES)]
        store.close()

    stopped_and_begun_anew(trial, folder, commits, cuts, between=no_frame_waits)
    assert outcome(folder) == undisturbed


@settings(max_examples=4)
@given(CUTS)
def test_trays_change_nothing_of_what_is_picked(fresh, undisturbed, cuts) -> None:
    """A lane alone would write pictures of frames that wait into the state, and pick the same."""
    folder = fresh()
    Trial(folder, cuts, made=of_sequences(), trays=False).run(material())
    alone = outcome(folder)
    assert {name: one for name, one in alone.items() if name.endswith((".jpg", ".json", "mqtt", "kafka"))} == {
        name: one for name, one in undisturbed.items() if name.endswith((".jpg", ".json", "mqtt", "kafka"))
    }


def picked(folder: Path, frames: Sequence[Seen], cuts: Sequence[int] = (2,)) -> tuple[list[list[int]], int]:
    """Numbers of the frames of each pick, where all sequences are picked; and how many stayed incomplete."""
    run = Trial(folder, cuts, made=of_sequences(min_distance=None, target_ratio=1.0, sources=CAMERAS))
    run.run(frames)
    told = [fact["index"] for fact in facts_of(folder)]
    return [told[begin : begin + LENGTH] for begin in range(0, len(told), LENGTH)], run.incomplete["door"]


@pytest.mark.parametrize(
    "broken",
    [
        lambda number: {"started": "20261121T120000Z"},
        lambda number: {"time": 0.2 * number + 1.5},
        lambda number: {"time": 0.2 * number - 0.9},
    ],
    ids=["connection", "gap", "jump back"],
)
def test_where_a_stream_breaks_off_a_sequence_begins_anew(tmp_path: Path, broken) -> None:
    frames = [door(number) if number < 5 else door(number, **broken(number)) for number in range(12)]
    assert picked(tmp_path, frames) == ([[0, 1, 2], [5, 6, 7], [8, 9, 10]], 3)


def test_the_clock_on_the_wall_breaks_no_sequence(tmp_path: Path) -> None:
    frames = [door(number, taken=3600 * (number % 2)) for number in range(7)]
    assert picked(tmp_path, frames) == ([[0, 1, 2], [3, 4, 5]], 1)


def test_what_waits_in_the_state_is_given_up_where_a_stream_breaks_off(tmp_path: Path) -> None:
    """One of the frames cannot be used: what its sequence has waits for the next ones, also over a stop."""
    weights = {"input": {"type": "METADATA", "key": "speed"}, "strategy": {"type": "WEIGHTS"}}
    made = of_sequences(strategies=[DIVERSE, weights], min_distance=None, target_ratio=1.0, sources=CAMERAS)

    def known(one: Seen, speed: object = 1) -> Seen:
        return replace(one, frame=replace(one.frame, signals={"speed": speed}))

    first = [known(door(number), "fast" if number == 4 else 1) for number in range(6)]
    begun = Trial(tmp_path, (4,), made=made)
    begun.run(first)
    assert held(tmp_path) == 2
    again = [known(door(number, started="20261121T120000Z")) for number in range(6, 10)]
    run = Trial(tmp_path, made=made)
    lane = run.run(again).lanes[1]
    assert [fact["index"] for fact in facts_of(tmp_path)] == [0, 1, 2, 6, 7, 8]
    assert [fact["sequence"]["number"] for fact in facts_of(tmp_path)] == [0] * 3 + [1] * 3
    assert held(tmp_path) == 0
    assert run.incomplete == {"door": 3}
    assert len(lane) == 2


def test_a_frame_that_cannot_be_used_is_passed_over(tmp_path: Path) -> None:
    weights = {"input": {"type": "METADATA", "key": "speed"}, "strategy": {"type": "WEIGHTS"}}
    made = of_sequences(strategies=[DIVERSE, weights], min_distance=None, target_ratio=1.0, sources=CAMERAS)
    frames = [door(number) for number in range(12)]
    frames = [
        replace(one, frame=replace(one.frame, signals={"speed": "fast" if number == 4 else 1}))
        for number, one in enumerate(frames)
    ]
    Trial(tmp_path, (4,), made=made).run(frames)
    assert [fact["index"] for fact in facts_of(tmp_path)] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert all((tmp_path / "picks" / fact["file"]).stat().st_size for fact in facts_of(tmp_path))


def held(folder: Path) -> int:
    """Pictures in the state."""
    store = EntryStore(folder / "state.db", OUTBOXES)
    count = len(store.entries("door held"))
    store.close()
    return count


def test_the_end_of_a_segment_ends_a_sequence_wherever_it_breaks_off(tmp_path: Path) -> None:
    made = of_sequences(min_distance=None, target_ratio=1.0)
    first = [seen(0, 0, part, scene=part, last=part == 6) for part in range(7)]
    second = [*[seen(0, 1, part, scene=part, last=False) for part in range(5)], nothing_more(seen(0, 1, 5, scene=0))]
    run = Trial(tmp_path, (2,), made=made)
    run.run([*first, *second, nothing_more(seen(0, 2, 0, scene=0)), seen(0, 3, 0, scene=1)])
    told = [(fact["segment"], fact["index"]) for fact in facts_of(tmp_path)]
    assert told == [("0.mp4", index) for index in range(6)] + [("1.mp4", index) for index in range(3)]
    assert run.incomplete == {"yard": 1 + 2 + 1}


def test_a_length_that_the_state_does_not_fit_is_refused(tmp_path: Path) -> None:
    trial(tmp_path, commits=3).run(material())
    with pytest.raises(StreamselError, match="source yard: the saved state is of another selection"):
        Trial(tmp_path, made=of_sequences(2, sources=[{**one, "window": None} for one in CAMERAS])).run(material())


def test_no_scout_goes_before_sequences() -> None:
    for length in (1, 2):
        made = of_sequences(length, sources=CAMERAS)
        assert [enough(made, source) for source in made.sources] == [length == 1] * 4


def breaks(times: Sequence[float], rhythm: Rhythm | None = None) -> list[int]:
    """Of frames that come at these times, those that follow no other."""
    rhythm = rhythm or Rhythm()
    return [number for number, time in enumerate(times) if rhythm.breaks(time, "begun")]


def test_a_second_is_a_gap_where_frames_come_faster() -> None:
    assert breaks(np.cumsum([0.04] * 50 + [0.9] + [0.04] * 20 + [1.1] + [0.04] * 9).tolist()) == [0, 71]


@settings(max_examples=20)
@given(st.floats(1.5, 300), st.lists(st.floats(0.5, 1.4), min_size=20, max_size=40))
def test_where_frames_come_slowly_a_gap_is_what_is_long_for_them(every: float, shares: list[float]) -> None:
    times = np.cumsum([every * share for share in shares])
    later = np.cumsum([times[-1] + 5 * every, *[every] * 5])
    first, *others = breaks([*times, *later])
    assert first == 0
    assert others in ([1, len(times)], [len(times)])


def test_where_the_machine_looks_at_fewer_frames_sequences_go_on() -> None:
    slower = np.cumsum([0.2] * 40 + [0.4] * 30 + [0.8] * 30 + [1.6] * 30 + [0.8] * 30 + [0.2] * 10)
    assert breaks(slower.tolist()) == [0]
