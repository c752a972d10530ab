"""The best of each window: as all of its rows in one coreset and one choice give it, however frames come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config import read_selection
from streamsel.coreset import Coreset
from streamsel.errors import StateError
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.candidates import GIVEN_UP, HELD, capacity_of
from streamsel.lanes.deciding import Entered, Place, Settled, Span, Verdict
from streamsel.lanes.earlier import EARLIER
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.known_rows import KnownRow
from streamsel.lanes.lane import Lane, Taken
from streamsel.lanes.making import Lanes, called
from streamsel.rules.frame_rules import FrameRules
from streamsel.rules.goals import budget_rules
from streamsel.rules.totals import Totals
from streamsel.selection.budget.best import Best
from tests.lanes.kept import Keeper, kept_by, same
from tests.lanes.made_lanes import DIM, DIVERSITY, SELECTIONS, Flat, cut, metadata, predictions, rows

MOST = 240
GOAL = WindowGoal(4, 60.0)
KINDS = ("ratio", "weights", "natural balance", "constraints", "duplicates", "random", "input balance")
INPUT_BALANCE = {"strategies": [metadata("weather", "BALANCE", distribution="INPUT"), DIVERSITY]}
PLACES = st.lists(st.integers(0, MOST), max_size=6)
Picks = list[tuple[Place, Verdict]]


def lanes(kind: str = "ratio", goal: WindowGoal = GOAL, **options: Any) -> Lanes:
    written = dict({**SELECTIONS, "input balance": INPUT_BALANCE}[kind])
    written.pop("proportion_samples", None)
    return Lanes(read_selection(written), Flat(), window=goal, **options)


def timed(count: int, seed: int) -> list[Taken]:
    """Frames about a second apart, now and then none for minutes, or one that comes late."""
    dice = np.random.default_rng(seed)
    steps = np.where(dice.random(count) < 0.02, 150.0, dice.uniform(0, 1.5, count))
    whens = 1e9 + np.cumsum(steps) - np.where(dice.random(count) < 0.05, 90.0, 0.0)
    return [replace(row, when=float(when)) for row, when in zip(rows(count, seed), whens, strict=True)]


def settled(lane: Lane, batch: Sequence[Taken]) -> Settled:
    return lane.decide([row for row in lane.enter(batch) if isinstance(row, Entered)])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(count=st.integers(0, MOST), seed=st.integers(0, 5), places=PLACES, anew=st.booleans())
def test_any_cut_and_any_restart_give_the_same(kind, count, seed, places, anew):
    made, taken = lanes(kind), timed(count, seed)
    whole, parts = kept_by(made, [taken]), kept_by(made, cut(taken, places), anew=anew)
    assert same(parts, whole)


def reference(kind: str, taken: Sequence[Taken], picks: int, length: float) -> Picks:
    """Straight: rows window by window, all in one coreset, one choice, with all earlier picks as picks."""
    config = read_selection(
        {k: v for k, v in {**SELECTIONS, "input balance": INPUT_BALANCE}[kind].items() if k != "proportion_samples"}
    )
    entrance = lanes(kind).lane(0)
    entered = [row for row in entrance.enter(taken) if isinstance(row, Entered)]
    windows: list[tuple[float, list[Entered]]] = []
    for row in entered:
        begin = row.when // length * length
        if not windows or begin > windows[-1][0]:
            windows.append((begin, []))
        windows[-1][1].append(row)
    rules, found, known, vectors, seen = FrameRules(config, None, Flat(), called, carried=True), [], [], [], 0
    for begin, held in windows:
        coreset, totals = Coreset(capacity_of(picks), DIM, expected=seen or None), Totals()
        coreset.offer(np.stack([row.vector for row in held]), np.array([row.worth for row in held], np.float32))
        totals.add([row.signals for row in held])
        members, seen = [held[number] for number in coreset.members().ids], len(held)
        before = rules.batch(known, np.array(vectors, np.float32).reshape(-1, DIM), totals=totals)
        best = Best(budget_rules(config, {}, totals), before=before)
        table = rules.batch(
            [KnownRow.of(row) for row in members], np.stack([row.vector for row in members]), totals=totals
        )
        best.offer(table)
        order, decisions = best.finish(picks)
        for rank, number in enumerate(order):
            one = members[number]
            window = Span(begin, begin + length)
            found.append((one.place, Verdict(decisions[number], len(known), one.signals, window=window, order=rank)))
            known.append(KnownRow.of(one))
            vectors.append(one.vector)
    return found


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(count=st.integers(1, MOST), seed=st.integers(0, 5), places=PLACES)
def test_it_is_what_one_coreset_and_one_choice_give(kind, count, seed, places):
    taken = timed(count, seed)
    assert kept_by(lanes(kind), cut(taken, places)).picks == reference(kind, taken, GOAL.picks, GOAL.seconds)


def test_each_window_gives_as_many_as_are_wanted_and_never_more():
    keeper = kept_by(lanes(), [timed(MOST, 0)])
    spans = [verdict.window for _, verdict in keeper.picks]
    assert len({*spans}) >= 3
    assert all(0 < spans.count(span) <= GOAL.picks for span in spans)
    assert [verdict.ordinal for _, verdict in keeper.picks] == list(range(len(keeper.picks)))
    assert all(verdict and verdict.decision.reason in ("first", "greedy") for _, verdict in keeper.picks)


def test_what_was_picked_an_hour_ago_is_not_new():
    """The second window shows the first one's scenes again, and one more."""
    scenes = np.eye(DIM, dtype=np.float32)
    shown = [0, 1, 2, 0, 1, 2, 0, 1, 2, 3]
    whens = [1, 2, 3, 4, 5, 6, 61, 62, 63, 64]
    taken = [
        replace(row, vector=scenes[k], when=1e9 // 60 * 60 + w)
        for row, k, w in zip(rows(10), shown, whens, strict=True)
    ]
    (first, _), (second, verdict) = kept_by(lanes(goal=WindowGoal(1, 60.0)), [taken]).picks
    assert (first, second) == ((taken[0].offset, 0), (taken[7].offset, 0))
    assert (verdict.decision.distance, verdict.decision.nearest) == (pytest.approx(2**0.5), 0)


def test_what_is_forgotten_is_new_again():
    length, days = 60.0, 3 * 60.0
    taken = [
        replace(row, vector=row.vector * 0 + np.eye(DIM, dtype=np.float32)[0], when=1e9 + 60 * k)
        for k, row in enumerate(rows(30))
        if k % 11 != 9
    ]
    made = lanes(goal=WindowGoal(1, length), forgetting=lambda: Forgetting(days, None))
    known = kept_by(made, [taken])
    documents = [key for key in known.state if key.startswith(EARLIER)]
    assert 2 <= len(documents) <= 5
    few = kept_by(
        lanes(goal=WindowGoal(2, length), forgetting=lambda: Forgetting(None, 3)), cut(timed(MOST, 1), [50, 90])
    )
    assert len([key for key in few.state if key.startswith(EARLIER)]) <= 3
    assert few.picks[-1][1].ordinal == len(few.picks) - 1
    assert all(verdict.decision.nearest < verdict.ordinal for _, verdict in few.picks)


def test_candidates_are_bounded_and_their_documents_go_with_them():
    made, keeper = lanes(), Keeper()
    lane = made.lane(0)
    for batch in cut(timed(MOST, 3), range(0, MOST, 9)):
        keeper.take(lane, batch)
        documents = [key for key in keeper.state if key.startswith(HELD)]
        assert (
            len(documents) == len(keeper.held) == (lane.open.candidates if lane.open else 0) <= capacity_of(GOAL.picks)
        )


def test_a_frame_that_is_older_than_the_open_window_counts_to_it():
    taken = [replace(row, when=1e9 // 60 * 60 + when) for row, when in zip(rows(4), (0, 70, 5, 130), strict=True)]
    lane = lanes().lane(0)
    first = settled(lane, taken[:3])
    assert [place for place, _ in first.picks] == [(taken[0].offset, 0)]
    assert {place for place, _ in settled(lane, taken[3:]).picks} == {(row.offset, 0) for row in taken[1:3]}


def test_a_window_that_the_clock_ended_is_not_begun_again():
    """A frame that comes after the end of its window counts to the next one."""
    begin = 1e9 // 60 * 60
    early, late, later = (replace(row, when=begin + when) for row, when in zip(rows(3), (1, 2, 61), strict=True))
    lane = lanes().lane(0)
    settled(lane, [early])
    assert len(lane.end(begin + 65).picks) == 1
    assert lane.open is None
    assert not settled(lane, [late, later]).picks
    assert lane.open.span == Span(begin + 60, begin + 120)
    assert len(lane.end(begin + 125).picks) == 2


def test_where_the_clock_was_set_back_windows_begin_where_it_is_now():
    begin = 1e9 // 60 * 60
    wrong, right = (replace(row, when=begin + when) for row, when in zip(rows(2), (9e6, 0), strict=True))
    lane = lanes().lane(0)
    settled(lane, [wrong])
    assert len(lane.end(begin).picks) == 1
    settled(lane, [right])
    assert lane.open.span.begin == begin


def test_a_window_of_nothing_that_balances_is_chosen_by_distance(tmp_path):
    """No car and no bus is on any of its frames: the window is not lost, and it is told."""
    shares = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}
    balance = {"input": shares, "strategy": {"type": "BALANCE", "distribution": "UNIFORM"}}
    made = Lanes(
        read_selection({"strategies": [balance, DIVERSITY]}), Flat(), window=GOAL, lightly=predictions(tmp_path, 60)
    )
    lane, begin = made.lane(0), 1e9 // 60 * 60
    empty = [replace(row, when=begin) for row in rows(60)[::5]]
    assert not settled(lane, empty).picks
    told = lane.end(begin + 60)
    assert len(told.picks) == GOAL.picks
    assert ["something to balance" in reason for reason in told.troubles] == [True]


@pytest.mark.parametrize("lost", ["window/span", HELD.decode(), "candidates/places"])
def test_damaged_state_of_a_window_is_refused(lost):
    made = lanes()
    lane, keeper = made.lane(0), Keeper()
    keeper.take(lane, timed(30, 0))
    damaged = {key: value for key, value in keeper.state.items() if not key.decode().startswith(lost)}
    assert len(damaged) < len(keeper.state)
    with pytest.raises(StateError, match="partition 0: saved state is damaged"):
        made.lane(0, damaged)


def test_a_window_that_was_given_up_is_none_and_what_came_before_it_is_remembered():
    made = lanes()
    lane, keeper, batch = made.lane(0), Keeper(), timed(150, 0)
    keeper.take(lane, batch[:90])
    left = {key: value for key, value in keeper.state.items() if not key.startswith(HELD)}
    keeper.state = {**left, GIVEN_UP: b""}
    lane, picks = made.lane(0, keeper.state), len(lane)
    assert picks > 0
    assert (lane.open, len(lane)) == (None, picks)
    keeper.held = set()
    keeper.take(lane, batch[90:])
    assert GIVEN_UP not in keeper.state
    assert made.lane(0, keeper.state).open == lane.open


def test_numbers_may_change():
    movable = {"movable": True}
    keeper = kept_by(lanes(**movable), [timed(60, 0)])
    assert len(lanes(goal=WindowGoal(9, 3600.0), **movable).lane(0, keeper.state)) == len(keeper.picks)


@given(when=st.integers(0, 4 * 10**15), minutes=st.floats(0.05, 1440), more=st.integers(0, 10))
def test_windows_lie_side_by_side(when, minutes, more):
    goal = WindowGoal(1, minutes * 60)
    spans = [goal.span(when / 1e6)]
    for _ in range(more):
        spans.append(goal.span(spans[-1].end))
    assert spans[0].begin <= when / 1e6 < spans[0].end
    assert all(one.end == other.begin < other.end for one, other in pairwise(spans))
    assert Span(1e9 // 3600 * 3600, 1e9 // 3600 * 3600 + 3600) == WindowGoal(1, 3600).span(1e9)


@pytest.mark.parametrize("kind", ["ratio", "natural balance"])
def test_it_breathes_at_each_pick_and_who_stops_it_then_has_lost_nothing(kind):
    made, taken = lanes(kind, WindowGoal(20, 1e6)), timed(MOST, 3)
    keeper = Keeper()
    keeper.take(made.lane(0), taken)
    breaths: list[int] = []
    picks = made.lane(0, keeper.state).end(2e9, lambda: breaths.append(0)).picks
    assert len(breaths) >= len(picks) > 10

    def stop() -> None:
        breaths.pop()
        if len(breaths) < 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.lane(0, keeper.state).end(2e9, stop)
    assert made.lane(0, keeper.state).end(2e9).picks == picks
