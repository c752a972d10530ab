"""Sequences of a lane: gathered by stream as `select` cuts one, decided alike for any cut, with little kept of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config import SelectConfig, read_selection
from streamsel.data import Mark, Vector
from streamsel.embed.pooling import pool
from streamsel.embed.window import windows
from streamsel.errors import StateError, UsageError
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.deciding import BrokenOff, Place
from streamsel.lanes.lane import Taken
from streamsel.lanes.making import Lanes, called
from streamsel.lanes.sequences import FRAMES, STREAMS, Read, Sequences
from streamsel.rules.frame_rules import FrameRules
from streamsel.rules.live import stream_selector
from tests.lanes.kept import Keeper, kept_by, same
from tests.lanes.made_lanes import DIM, SELECTIONS, Flat, compact, cut, rows

MOST = 90
PLACES = st.lists(st.integers(0, MOST), max_size=6)
KINDS = (
    "ratio",
    "distance",
    "weights",
    "balance",
    "typicality",
    "constraints",
    "days",
    "duplicates",
    "random",
    "filters",
)
GOAL = WindowGoal(12, 40.0)


def lanes(kind: str, length: int, window: WindowGoal | None = None, **options: Any) -> Lanes:
    written = dict(SELECTIONS[kind])
    if window:
        written.pop("proportion_samples", None)
    worker = {**written.pop("worker", {}), "selected_sequence_length": length}
    return Lanes(read_selection({**written, "worker": worker}), Flat(), window=window, **options)


def timed(count: int, seed: int = 0, parts: int = 1) -> list[Taken]:
    """Of two cameras in turn, a second apart."""
    return [replace(row, when=1e9 + k) for k, row in enumerate(rows(count, seed, parts))]


@pytest.mark.parametrize("window", [None, GOAL], ids=["at once", "by window"])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=5)
@given(
    count=st.integers(0, MOST),
    seed=st.integers(0, 5),
    length=st.sampled_from([2, 3, 6]),
    places=PLACES,
    anew=st.booleans(),
)
def test_any_cut_and_any_restart_give_the_same(kind, window, count, seed, length, places, anew):
    made, taken = lanes(kind, length, window), timed(count, seed)
    whole, parts = kept_by(made, [taken]), kept_by(made, cut(taken, places), anew=anew)
    assert same(parts, whole)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_picks_whole_sequences_of_one_camera(kind):
    run = kept_by(lanes(kind, 3), [timed(MOST)])
    assert 0 < len(run.picks) < MOST // 3
    assert [verdict.ordinal for _, verdict in run.picks] == list(range(len(run.picks)))
    for place, verdict in run.picks:
        offsets = [offset // 3 for offset, _ in verdict.sequence.places]
        assert len(offsets) == 3
        assert place == verdict.sequence.places[-1]
        assert len({offset % 2 for offset in offsets}) == 1


def straight(kind: str, length: int, taken: Sequence[Taken]) -> list[tuple[list[Mark], Any, Mapping[str, Any]]]:
    """As `select` has it for one source: windows cut, measured and filtered whole, pooled, offered to the driver."""
    written = dict(SELECTIONS[kind])
    worker = {**written.pop("worker", {}), "selected_sequence_length": length}
    config = SelectConfig.of(sources="one", selection=read_selection({**written, "worker": worker}))
    rules = FrameRules(
        config.rules, None, Flat(), called, carried=True, remove_duplicates=config.remove_exact_duplicates
    )
    goal = {"target_ratio": config.target_ratio or config.proportion, "min_distance": config.min_distance}
    if not goal["target_ratio"] and config.rules.reads_vectors:
        goal["min_distance"] = 0.4
    selector = stream_selector(config.rules, DIM, {}, rules.entrance.classes, **goal)
    vectors: dict[Mark, Vector] = {row.frame.mark: row.vector for row in taken}
    found = []
    cut_up = windows((row.frame for row in taken), length, Counter())
    for number, window in enumerate(rules.entrance.measured(cut_up)):
        (reason,) = rules.entrance.reasons([window])
        if reason:
            continue
        rules.entrance.admit([window])
        marks = [frame.mark for frame in window]
        vector = pool(np.stack([vectors[mark] for mark in marks]))
        known = _Known(tuple(marks), window[0].signals)
        (decision,) = selector.offer(rules.batch([known], vector[None]), [number + 1 - selector.looked])
        if decision:
            read = {name: window[0].signals[name] for name in window[0].signals if name in rules.entrance.columns}
            found.append((marks, decision, read))
    return found


class _Known:
    box = None

    def __init__(self, marks: tuple[Mark, ...], signals: Mapping[str, Any]) -> None:
        self.marks, self.signals = marks, signals


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=5)
@given(seed=st.integers(0, 5), length=st.sampled_from([2, 4]), places=PLACES)
def test_of_one_stream_it_picks_what_select_picks(kind, seed, length, places):
    taken = [row for row in timed(2 * MOST, seed) if row.frame.mark.source == "cam0"]
    taken = [row for row in taken if isinstance(row.frame.signals["speed"], int)] if kind not in ("ratio",) else taken
    marks = {(row.offset, row.part): row.frame.mark for row in taken}
    run = kept_by(lanes(kind, length), cut(taken, places))
    told = [([marks[place] for place in one.sequence.places], one.decision, dict(one.signals)) for _, one in run.picks]
    assert told == straight(kind, length, taken)


@given(seed=st.integers(0, 9), order=st.randoms(use_true_random=False), length=st.integers(2, 5))
@settings(max_examples=20)
def test_streams_may_lie_interleaved_in_any_way(seed, order, length):
    """As long as each is in its own order, the same frames make the same sequences."""
    streams = [[row for row in timed(MOST, seed) if row.frame.mark.source == name] for name in ("cam0", "cam1")]
    left, mixed = [list(one) for one in streams], []
    while any(left):
        mixed.append(order.choice([one for one in left if one]).pop(0))
    mixed = [replace(row, offset=number) for number, row in enumerate(mixed)]
    names = {(row.offset, row.part): row.frame.mark.name for row in mixed}
    run = kept_by(lanes("filters", length), cut(mixed, [7, 30]))
    for _, verdict in run.picks:
        found = [names[place] for place in verdict.sequence.places]
        own = [row.frame.mark.name for row in streams[int(found[0][4:-4]) % 2] if row.frame.signals["speed"] != "fast"]
        first = verdict.sequence.number * length
        assert found == own[first : first + length]
    assert run.picks


def test_numbers_count_all_sequences_of_a_stream_also_those_turned_away():
    run = kept_by(lanes("constraints", 3), cut(timed(MOST), range(0, MOST, 4)), anew=True)
    names = {(row.offset, row.part): row.frame.mark.source for row in timed(MOST)}
    for camera in ("cam0", "cam1"):
        numbers = [one.sequence.number for _, one in run.picks if names[one.sequence.places[0]] == camera]
        assert numbers == sorted({*numbers})
        assert max(numbers) > len(numbers)


def test_a_frame_that_cannot_be_read_is_passed_over_and_told():
    taken = timed(12)
    run = kept_by(lanes("weights", 3), [[row for row in taken if row.frame.mark.source == "cam1"]])
    assert [bool(one.unusable) for one in run.verdicts] == [False, False, False, False, True, False]
    assert run.verdicts[2].decision.reason != "sequence" != run.verdicts[4].decision.reason
    assert run.verdicts[5].decision.reason == "sequence"


def test_of_a_sequence_it_is_enough_that_one_frame_tells_and_none_is_told_once():
    bare = [replace(row, frame=replace(row.frame, signals={})) for row in timed(12)]
    own = [row for row in bare if row.frame.mark.source == "cam0"]
    lane = lanes("weights", 3).lane(0)
    verdicts = lane.take([timed(1)[0], *own[1:]])
    assert verdicts[2].signals == {"METADATA speed": pytest.approx(timed(1)[0].frame.signals["speed"])}
    assert [bool(one.unusable) for one in verdicts] == [False] * 5 + [True]
    assert lane.looked == 1


def test_a_vector_that_is_no_number_is_passed_over():
    taken = [row for row in timed(12) if row.frame.mark.source == "cam0"]
    broken = replace(taken[1], vector=taken[1].vector * np.nan)
    run = kept_by(lanes("ratio", 2), [[taken[0], broken, *taken[2:]]])
    assert "NaN" in run.verdicts[1].unusable
    assert run.picks[0][1].sequence.places == ((taken[0].offset, 0), (taken[2].offset, 0))


def test_a_record_of_several_frames_is_a_stream_of_its_own():
    taken = [replace(row, alone=True, frame=replace(row.frame, mark=replace(row.frame.mark, source="cam"))) for row in
             timed(34, parts=7)]  # fmt: skip
    lane, run = (made := lanes("filters", 3)).lane(0), Keeper()
    for batch in cut(taken, range(0, 34, 2)):
        run.take(lane, batch)
        dropped, lane = lane.incomplete, made.lane(0, run.state)
        assert dropped in (0, 1, 2)
    assert {len({offset for offset, _ in verdict.sequence.places}) for _, verdict in run.picks} == {1}
    assert {verdict.sequence.number for _, verdict in run.picks} <= {0, 1}
    assert not [key for key in run.state if key.startswith((FRAMES, STREAMS))]


def test_what_is_left_of_a_record_that_broke_off_is_dropped():
    lane = lanes("filters", 3).lane(0)
    run = Keeper()
    run.take(lane, [replace(row, alone=True) for row in timed(14, parts=7)[:4:2]])
    assert [key for key in run.state if key.startswith(FRAMES)]
    lane.skip(0)
    assert lane.incomplete == 2
    run.told(lane, lane.decide([]), set())
    assert not run.held
    assert not [key for key in run.state if key.startswith((FRAMES, STREAMS))]


@settings(max_examples=10)
@given(broken=st.sets(st.integers(0, 20)), seed=st.integers(0, 5), places=PLACES, anew=st.booleans())
def test_records_that_break_off_change_nothing_for_others_in_any_cut(broken, seed, places, anew):
    """Each record is a segment of its own; of those that are broken something comes, and then nothing more."""
    taken: list[Taken | BrokenOff] = []
    for row in (replace(row, alone=True) for row in timed(MOST, seed, parts=5)):
        number = row.offset // 3
        if number not in broken or row.part < 2:
            taken.append(row)
        elif row.part == 2:
            taken.append(BrokenOff(row.offset))
    made = lanes("filters", 2)
    whole, parts = kept_by(made, [taken]), kept_by(made, cut(taken, places), anew=anew)
    assert same(parts, whole)
    assert not [key for key in whole.state if key.startswith((FRAMES, STREAMS))]


def test_a_gap_begins_a_sequence_anew_where_one_is_given():
    taken = [row for row in timed(20) if row.frame.mark.source == "cam0"]
    for row, seconds in zip(taken, (0, 1, 2, 3, 14, 15, 16, 17, 18, 19), strict=True):
        object.__setattr__(row, "frame", replace(row.frame, mark=replace(row.frame.mark, pts=seconds * 1000)))
    none, some = kept_by(lanes("filters", 3), [taken]), kept_by(lanes("filters", 3, gap=10.0), [taken])
    assert [one.decision.reason != "sequence" for one in none.verdicts] == [k % 3 == 2 for k in range(10)]
    assert [k for k, one in enumerate(some.verdicts) if one.decision.reason != "sequence"] == [2, 6, 9]
    lane = lanes("filters", 3, gap=10.0).lane(0)
    lane.take(taken)
    assert lane.incomplete == 1


@settings(max_examples=20)
@given(sources=st.lists(st.integers(0, 7), max_size=60), places=st.lists(st.integers(0, 60), max_size=5))
def test_streams_are_bounded_and_the_one_that_was_silent_longest_goes_first(sources, places):
    most, made, state = 3, Sequences(4, most=3), {}
    recent: list[int] = []
    waiting: Counter[int] = Counter()
    dropped = incomplete = 0
    frame = rows(1)[0].frame.mark
    for number, source in enumerate(sources):
        if number in places:
            incomplete += made.incomplete
            made = Sequences(4, most=most)
            made.restore(state)
        read = Read((number, 0), replace(frame, source=f"cam{source}"), {}, 0.0)
        complete = made.take(read, np.ones(DIM, np.float32))
        compact(state, made.told())
        if source not in recent and len(recent) == most:
            dropped += waiting.pop(recent.pop(0))
        recent = [one for one in recent if one != source] + [source]
        waiting[source] += 1
        assert (complete is not None) == (waiting[source] == 4)
        waiting[source] %= 4
        assert sum(key.startswith(STREAMS) for key in state) == len(recent)
        assert sum(key.startswith(FRAMES) for key in state) == sum(waiting.values())
    assert incomplete + made.incomplete == dropped


def test_a_sequence_counts_to_the_window_of_its_last_frame():
    taken = [
        replace(row, when=1e9 // 40 * 40 + when)
        for row, when in zip(timed(8), (0, 1, 30, 31, 41, 42, 50, 51), strict=True)
    ]
    run = kept_by(lanes("filters", 3, WindowGoal(3, 40.0)), [taken])
    assert {verdict.window.begin for _, verdict in run.picks} == {1e9 // 40 * 40 + 40}


def test_of_a_window_frames_are_counted_in_whole_sequences():
    run = kept_by(lanes("ratio", 3, GOAL), [timed(MOST)])
    spans = Counter(verdict.window for _, verdict in run.picks)
    assert {*spans.values()} <= {1, 2, 3, 4}
    assert max(spans.values()) == 4
    with pytest.raises(
        UsageError, match="12 picks are frames, and no multiple of selected_sequence_length 5; use 10 or 15"
    ):
        lanes("ratio", 5, GOAL)


@pytest.mark.parametrize("lost", [FRAMES, STREAMS])
def test_damaged_state_is_refused(lost):
    made = lanes("ratio", 7)
    run = kept_by(made, [timed(10)])
    kept = sorted(key for key in run.state if key.startswith(lost))
    for change in ({kept[0]: b"{"}, {kept[0]: b'{"mark":"[]"}\n'}):
        with pytest.raises(StateError, match="partition 0: saved state is damaged"):
            made.lane(0, {**run.state, **change})
    with pytest.raises(StateError, match="partition 0: saved state is damaged"):
        made.lane(0, {key: value for key, value in run.state.items() if key != kept[0]})


def test_state_of_another_length_or_of_single_frames_is_refused():
    run = kept_by(lanes("ratio", 3), [timed(10)])
    for length in (1, 2):
        with pytest.raises(StateError, match="the saved state is of another selection"):
            lanes("ratio", length).lane(0, run.state)


def test_embeddings_of_objects_are_refused_in_one_line():
    with pytest.raises(UsageError, match="embeddings of objects") as error:
        lanes("objects", 2)
    assert "\n" not in str(error.value)


def test_little_is_kept_of_frames_that_wait():
    run = kept_by(lanes("ratio", 40), cut(timed(70), range(70)))
    own = [value for key, value in run.state.items() if key.startswith((FRAMES, STREAMS))]
    assert len(own) == 72
    assert max(map(len, own)) < 300


def test_each_frame_is_told_once():
    made, told = lanes("ratio", 40), Counter[bytes]()
    lane = made.lane(0)
    for batch in cut(timed(60), range(60)):
        lane.take(batch)
        told.update(key for key in lane.entries() if key.startswith(FRAMES))
    assert {*told.values()} == {1}
    assert all(earlier < later for earlier, later in pairwise(map(int, (key[len(FRAMES) : -2] for key in told))))


@given(seed=st.integers(0, 5), broken=st.lists(st.integers(0, MOST), max_size=6), places=PLACES)
@settings(max_examples=10)
def test_where_a_stream_breaks_off_what_waits_of_it_alone_is_given_up(seed, broken, places):
    """As after a gap: numbers go on, and neither cuts nor restarts tell."""
    taken = [replace(row, anew=number in broken) for number, row in enumerate(timed(MOST, seed))]
    expected, waiting, incomplete = [], dict[str, list[Place]](), 0
    for row in taken:
        source = row.frame.mark.source
        if row.anew:
            incomplete += len(waiting.pop(source, []))
        waiting.setdefault(source, []).append((row.offset, row.part))
        if len(waiting[source]) == 3:
            expected.append(tuple(waiting.pop(source)))
    made = lanes("ratio", 3)
    run = kept_by(made, cut(taken, places), anew=True)
    told = [verdict.sequence for _, verdict in run.picks]
    assert {one.places for one in told} <= {*expected}
    assert run.state == kept_by(made, [taken]).state
    lane = made.lane(0)
    lane.take(taken)
    assert lane.incomplete == incomplete
