"""What a lane forgets: within its bounds, alike for any cut into batches and over restarts; then it is new again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.service.forgetting import Forgetting
from streamsel.service.lane import Taken
from tests.service.made_lanes import SELECTIONS, compact, cut, lanes, predictions, rows, settled

MOST = 80
PLACES = st.lists(st.integers(0, MOST), max_size=6)
SPANS = st.sampled_from([None, 5.0, 20.0, 70.0])
BOUNDS = st.sampled_from([None, 1, 3, 10])


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    return predictions(tmp_path_factory.mktemp("cars"), MOST)


def timed(seed: int, count: int = MOST, step: float = 1.0) -> list[Taken]:
    """Frames a second apart, but for clocks that are set back now and then."""
    random = np.random.default_rng(seed)
    times = 1e9 + np.arange(count) * step - random.choice([0, 0, 0, 3], count)
    return [replace(row, when=float(time)) for row, time in zip(rows(count, seed), times, strict=True)]


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=10)
@given(seed=st.integers(0, 5), places=PLACES, other=PLACES, seconds=SPANS, most=BOUNDS)
def test_any_cut_and_any_restart_forgets_the_same(cars, kind, seed, places, other, seconds, most):
    made, taken = lanes(kind, cars, forgetting=partial(Forgetting, seconds, most)), timed(seed)
    whole, expected = settled(made.lane(0), cut(taken, places))
    state, verdicts = {}, []
    for batch in cut(taken, other):
        lane = made.lane(0, state)
        verdicts += lane.take(batch)
        compact(state, lane.entries())
    assert verdicts == whole
    assert state == expected
    picks = [verdict for verdict in verdicts if verdict]
    assert [verdict.ordinal for verdict in picks] == list(range(len(picks)))
    assert all(verdict.decision.nearest < verdict.ordinal for verdict in picks)


@pytest.mark.parametrize("kind", ["ratio", "distance", "weights"])
def test_without_bounds_that_matter_nothing_changes(cars, kind):
    plain, _ = settled(lanes(kind, cars).lane(0), [timed(1)])
    bounded, _ = settled(lanes(kind, cars, forgetting=partial(Forgetting, 1e6, 10**6)).lane(0), [timed(1)])
    assert bounded == plain


def test_what_is_known_stays_within_its_bound(cars):
    lane = lanes("distance", cars, forgetting=partial(Forgetting, None, 8)).lane(0)
    for taken in timed(2, 400):
        lane.take([taken])
        assert len(lane._selector.picks) <= 8
    assert len(lane) > 20


def test_what_was_forgotten_is_new_again(cars):
    made = lanes("distance", cars, forgetting=partial(Forgetting, 100.0)).lane(0)
    seen = timed(3, 40)
    first = sum(map(bool, made.take(seen)))
    later = [replace(one, offset=one.offset + 1000, when=one.when + 60) for one in seen]
    assert not any(made.take(later))
    much_later = [replace(one, offset=one.offset + 2000, when=one.when + 300) for one in seen]
    assert sum(map(bool, made.take(much_later))) >= first - 1


def test_state_of_before_there_was_a_bound_is_gone_on_with(cars):
    state = {}
    lane = lanes("distance", cars).lane(0)
    lane.take(timed(4, 60))
    compact(state, lane.entries())
    assert len(lane._selector.picks) > 4
    bounded = lanes("distance", cars, forgetting=partial(Forgetting, None, 4)).lane(0, state)
    bounded.take([replace(one, offset=one.offset + 1000) for one in timed(5, 60)])
    assert len(bounded._selector.picks) <= 4
    assert len(bounded) >= len(lane)


@pytest.mark.parametrize(("seconds", "most"), [(0.0, None), (-1.0, None), (None, 0)])
def test_numbers_that_mean_nothing_are_refused(seconds, most):
    with pytest.raises(ValueError, match="Forgetting"):
        Forgetting(seconds, most)
