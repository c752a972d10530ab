"""A lane decides the same however its frames come in batches, and goes on where it stood on any machine."""

from __future__ import annotations

import errno
import math
import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config import read_selection
from streamsel.errors import DiskError, StateError, UsageError
from streamsel.lanes.lane import Lane
from streamsel.lanes.making import Lanes
from streamsel.signals import side_folder
from tests.lanes.made_lanes import (
    DIVERSITY,
    SELECTIONS,
    Flat,
    compact,
    cut,
    days,
    lanes,
    predictions,
    rows,
    settled,
)

MOST = 60
PLACES = st.lists(st.integers(0, MOST), max_size=6)


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    return predictions(tmp_path_factory.mktemp("cars"), MOST)


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=12)
@given(count=st.integers(0, MOST), seed=st.integers(0, 5), places=PLACES, other=PLACES)
def test_any_cut_into_batches_gives_the_same_verdicts_and_states(cars, kind, count, seed, places, other):
    made, taken = lanes(kind, cars), rows(count, seed)
    whole, state = settled(made.lane(0), cut(taken, places))
    again, same = settled(made.lane(0), cut(taken, other))
    assert whole == again
    assert state == same


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=12)
@given(count=st.integers(0, MOST), seed=st.integers(0, 5), places=PLACES)
def test_restored_after_any_prefix_it_goes_on_as_if_nothing_had_been(cars, kind, count, seed, places):
    made, taken = lanes(kind, cars), rows(count, seed)
    whole, expected = settled(made.lane(0), [taken])
    state, verdicts = {}, []
    for batch in cut(taken, places):
        lane = made.lane(0, state)
        verdicts += lane.take(batch)
        compact(state, lane.entries())
    assert verdicts == whole
    assert state == expected


def test_every_kind_picks_and_passes_over(cars):
    for kind in SELECTIONS:
        verdicts, _ = settled(lanes(kind, cars).lane(0), [rows(MOST)])
        picks = [verdict for verdict in verdicts if verdict]
        assert 0 < len(picks) < MOST, kind
        assert [verdict.ordinal for verdict in picks] == list(range(len(picks)))


def test_a_picture_that_was_there_before_is_passed_over():
    verdicts, _ = settled(lanes("duplicates").lane(0), cut(rows(MOST), range(0, MOST, 5)))
    shades = [int(row.frame.picture.rgb()[0, 0, 0]) for row in rows(MOST)]
    again = [shade in shades[:place] for place, shade in enumerate(shades)]
    assert [verdict.decision.reason == "duplicate" for verdict in verdicts] == again


def test_what_did_not_change_is_not_told_again():
    lane = lanes("ratio").lane(0)
    lane.take(rows(20))
    assert len(lane.entries()) > 5
    assert list(lane.entries()) == [b"#lane"]


def test_each_pick_is_told_once_by_itself():
    lane, told = lanes("distance").lane(0), []
    for batch in cut(rows(MOST), range(0, MOST, 7)):
        lane.take(batch)
        told += [key for key in lane.entries() if key.startswith(b"selector/picks#")]
    assert told == [f"selector/picks#{ordinal}".encode() for ordinal in range(len(lane))]


def test_a_frame_that_lacks_what_is_read_is_told_and_counts_nowhere():
    made, taken = lanes("weights"), rows(MOST)
    lane = made.lane(0)
    verdicts = lane.take(taken)
    wrong = [number for number, verdict in enumerate(verdicts) if verdict.unusable]
    assert wrong == list(range(9, MOST, 11))
    assert "cam-9.jpg" in verdicts[9].unusable
    assert "number" in verdicts[9].unusable
    clean = made.lane(0)
    others = clean.take([row for number, row in enumerate(taken) if number not in wrong])
    assert others == [verdict for verdict in verdicts if not verdict.unusable]
    assert clean.looked == lane.looked == MOST - len(wrong)


@given(places=PLACES, parts=st.integers(2, 40))
def test_of_a_record_it_is_told_once_that_frames_lack_something(places, parts):
    made, taken = lanes("weights"), rows(MOST, parts=parts)
    state, verdicts = {}, []
    for batch in cut(taken, places):
        lane = made.lane(0, state)
        verdicts += lane.take(batch)
        compact(state, lane.entries())
    first = [row.offset for row, verdict in zip(taken, verdicts, strict=True) if verdict.unusable and not verdict.again]
    assert first == sorted({row.offset for row, one in zip(taken, verdicts, strict=True) if one.unusable})
    assert len(first) >= MOST // parts // 11


def test_a_disk_that_fails_makes_no_frame_unusable(cars, monkeypatch):
    lane = lanes("frequency", cars).lane(0)
    lane.take(rows(5))

    def failing(*_of):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(side_folder, "_all", failing)
    with pytest.raises(DiskError, match="check the disk"):
        lane.take([row for row in rows(9) if lane.awaits(row.offset, row.part)])


def test_at_most_so_many_of_each_day_that_frames_or_their_clocks_tell():
    taken = rows(MOST)
    verdicts, _ = settled(lanes("days").lane(0), cut(taken, range(0, MOST, 7)))
    kept = Counter(day for day, verdict in zip(days(taken), verdicts, strict=True) if verdict)
    assert set(kept) == set(days(taken))
    assert max(kept.values()) == 3
    said = [replace(row, frame=replace(row.frame, signals={"day": f"day {n % 2}"})) for n, row in enumerate(taken)]
    verdicts, _ = settled(lanes("days").lane(0), [said])
    assert Counter(verdict.signals["DAY"] for verdict in verdicts if verdict) == {"day 0": 3, "day 1": 3}


def test_at_least_so_many_of_a_day_cannot_be_promised():
    least = {"type": "AT_LEAST", "count": 3, "per": {"type": "DAY"}}
    selection = {"strategies": [DIVERSITY], "constraints": [least]}
    with pytest.raises(UsageError, match=r"^constraints\[0\]: AT_LEAST cannot be promised of a stream"):
        Lanes(read_selection(selection), Flat(), target_ratio=0.5)


def test_a_vector_that_is_no_number_is_told():
    lane, (row, *_) = lanes("ratio").lane(0), rows(1)
    row.vector[3] = math.nan
    (verdict,) = lane.take([row])
    assert "NaN" in verdict.unusable
    assert lane.position == 1


def test_only_what_is_read_is_remembered_of_metadata():
    lane, taken = lanes("ratio").lane(0), rows(MOST)
    _, state = settled(lane, [taken])
    assert b"speed" not in b"".join(state.values())


def test_what_is_read_is_told_in_the_order_of_the_selection():
    verdict, *_ = lanes("constraints").lane(0).take(rows(1))
    assert list(verdict.signals) == ["METADATA speed", "METADATA weather (labels)"]


def test_positions_follow_records_frame_by_frame():
    lane, taken = lanes("ratio").lane(0), rows(10, parts=4)
    assert (lane.position, lane.inside, lane.awaits(0)) == (None, 0, True)
    lane.take(taken[:3])
    assert (lane.position, lane.inside) == (0, 3)
    assert not lane.awaits(0, 2)
    assert lane.awaits(0, 3)
    lane.take(taken[3:4])
    assert (lane.position, lane.inside) == (1, 0)
    lane.skip(7)
    lane.skip(2)
    assert (lane.position, lane.inside) == (8, 0)
    with pytest.raises(ValueError, match="taken before"):
        lane.take(taken[4:])


def test_inside_a_record_it_is_restored_there():
    made, taken = lanes("ratio"), rows(10, parts=4)
    lane = made.lane(0)
    lane.take(taken[:6])
    again = made.lane(0, lane.entries())
    assert (again.position, again.inside) == (lane.position, lane.inside) == (3, 2)
    assert again.take(taken[6:]) == lane.take(taken[6:])


@pytest.mark.parametrize(
    "change",
    [
        {"target_ratio": 0.3},
        {"min_distance": 0.2},
        {"target_ratio": 0.2, "named": {"fps": 3}},
    ],
)
def test_state_of_another_goal_is_refused(change):
    lane = Lanes(None, Flat(), target_ratio=0.2).lane(3)
    lane.take(rows(5))
    with pytest.raises(StateError, match="partition 3: the saved state is of another"):
        Lanes(None, Flat(), **change).lane(3, lane.entries())


@pytest.mark.parametrize("lost", [b"#lane", b"entrance/seen", b"selector/picks#0", b"selector/looked#0"])
def test_damaged_state_is_refused(lost):
    made = lanes("ratio")
    lane = made.lane(0)
    lane.take(rows(5))
    entries = {key: value for key, value in lane.entries().items() if key != lost}
    with pytest.raises(StateError):
        made.lane(0, entries)
    entries[lost] = b"{"
    with pytest.raises(StateError):
        made.lane(0, entries)


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ({"n_samples": 100}, "n_samples 100: a topic has no end"),
        ({"n_samples": -1}, "n_samples -1: a topic has no end"),
        ({"worker": {"selected_sequence_length": 1001}}, "at most 1000"),
        ({"constraints": [{"type": "AT_LEAST", "count": 1, "per": {"type": "SOURCE"}}]}, "AT_LEAST"),
    ],
)
def test_what_needs_an_end_is_refused_in_one_line(selection, told):
    from streamsel.config import read_selection

    strategies = [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]
    with pytest.raises(UsageError, match=told) as error:
        Lanes(read_selection({"strategies": strategies, **selection}), Flat())
    assert "\n" not in str(error.value)


def test_a_proportion_is_the_target_ratio():
    verdicts, _ = settled(lanes("ratio").lane(0), [rows(2000)])
    assert 0.15 < sum(map(bool, verdicts)) / 2000 < 0.25
    assert {verdict.decision.reason for verdict in verdicts} == {"first", "ratio"}


def test_a_ratio_counts_what_was_held_before_a_frame():
    """Three of four frames never came, since they were surely not new: the share is that of all."""
    lane, held = lanes("ratio").lane(0), 3
    verdicts, _ = settled(lane, [[replace(row, held=held) for row in rows(1000)]])
    assert lane.looked == 1000 * (1 + held)
    assert 0.15 < sum(map(bool, verdicts)) / lane.looked < 0.25


def test_without_a_goal_the_models_own_distance_decides():
    verdicts, _ = settled(Lanes(None, Flat()).lane(0), [rows(300)])
    kept = np.array([row.vector for row, verdict in zip(rows(300), verdicts, strict=True) if verdict])
    gaps = np.linalg.norm(kept[:, None] - kept[None], axis=2) + 2 * np.eye(len(kept))
    assert gaps.min() >= Flat.novelty_distance


def test_lanes_know_what_has_to_be_made_of_a_frame(cars):
    assert not lanes("ratio").reads_pixels
    assert lanes("duplicates").reads_pixels
    assert lanes("objects").reads_pixels
    assert lanes("weights").reads_vectors
    assert not lanes("filters").reads_vectors
    assert not lanes("frequency", cars).reads_vectors


def test_a_lane_without_state_is_fresh():
    assert isinstance(Lane.restored(lambda: lanes("ratio").lane(0), {}), Lane)
    assert len(lanes("ratio").lane(0, {})) == 0
