"""Nearest: bounds are bounds, settled distances are those of brute force to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection.budget.diversity import Diversity
from streamsel.selection.budget.minimum_distance import MinimumDistance
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.columns import Vectors
from streamsel.selection.rows import pair_distance
from tests.selection.plain_greedy import unit_rows


def brute_force(vectors: np.ndarray, picks: list[int]) -> tuple[np.ndarray, np.ndarray]:
    distances = np.stack([pair_distance(vectors, vectors[pick][None]) for pick in picks])
    return distances.min(axis=0), distances.argmin(axis=0)


@st.composite
def tables(draw: st.DrawFn) -> np.ndarray:
    """Rows that are apart, crowded, the same, far from the sphere, or next to nothing."""
    rows = unit_rows(draw(st.integers(0, 1000)), draw(st.integers(2, 90)), draw(st.integers(1, 20)))
    kind = draw(st.sampled_from(["apart", "crowded", "same", "large", "small"]))
    if kind == "crowded":
        rows = (rows[:1] + rows * np.float32(1e-4)).astype(np.float32)
    if kind == "same":
        rows = rows[np.arange(len(rows)) % 3]
    return rows * np.float32({"large": 1e18, "small": 1e-15}.get(kind, 1))


@settings(max_examples=200)
@given(tables(), st.data())
def test_bounds_are_bounds_and_settled_rows_are_exact(vectors: np.ndarray, data: st.DataObject) -> None:
    nearest, places = Nearest(Vectors(vectors)), st.integers(0, len(vectors) - 1)
    picks: list[int] = []
    for pick in data.draw(st.lists(places, min_size=1, max_size=12, unique=True)):
        nearest.add(pick)
        picks.append(pick)
        exact, ordinal = brute_force(vectors, picks)
        assert (nearest.distances >= exact).all()
        some = np.array(data.draw(st.lists(places, unique=True, max_size=20)), np.int64)
        nearest.settle(some)
        assert (nearest.distances[some] == exact[some]).all()
        assert (nearest.ordinals[some] == ordinal[some]).all()
        assert (nearest.distances >= exact).all()


def test_many_rows_catch_up_on_all_cores() -> None:
    vectors = unit_rows(0, 6_000, 16, 40)
    nearest, picks = Nearest(Vectors(vectors)), list(range(0, 6_000, 100))
    for place, pick in enumerate(picks):
        nearest.add(pick)
        nearest.settle(np.arange(place, 6_000, 7))
    nearest.settle(np.arange(6_000))
    exact, ordinal = brute_force(vectors, picks)
    assert np.array_equal(nearest.distances, exact)
    assert np.array_equal(nearest.ordinals, ordinal)


@settings(max_examples=50)
@given(tables(), st.data())
def test_the_spread_is_that_of_brute_force(vectors: np.ndarray, data: st.DataObject) -> None:
    nearest = Nearest(Vectors(vectors))
    assert nearest.spread() == 0
    picks = data.draw(st.lists(st.integers(0, len(vectors) - 1), min_size=2, max_size=15, unique=True))
    for place, pick in enumerate(picks):
        nearest.add(pick)
        if place % 3:
            nearest.spread()
    others = [brute_force(vectors, [p for p in picks if p != pick])[0][pick] for pick in picks]
    assert nearest.spread() == pytest.approx(np.sum(np.square(others)))


def test_picks_that_come_at_once_spread_as_those_that_come_one_by_one() -> None:
    vectors = unit_rows(0, 1_500, 16, 40)
    together, one_by_one = Nearest(Vectors(vectors)), Nearest(Vectors(vectors))
    for count, pick in enumerate(np.random.default_rng(0).permutation(len(vectors))[:900].tolist(), start=1):
        together.add(pick)
        one_by_one.add(pick)
        one_by_one.spread()
        if count in (300, 301, 900):
            assert together.spread() == one_by_one.spread()


def test_a_pick_told_twice_is_one() -> None:
    vectors = unit_rows(0, 20)
    nearest = Nearest(Vectors(vectors))
    rule, goal = MinimumDistance(nearest, 0.5), Diversity(nearest)
    for part in (rule, goal):
        for row in (3, 7):
            part.add(row)
    assert len(nearest) == 2
    assert goal.now() == pytest.approx(2 * pair_distance(vectors[3:4], vectors[7:8])[0] ** 2)


def test_diversity_is_one_before_the_first_pick_and_adds_the_own_distance_then() -> None:
    vectors = np.array([[0, 0], [3, 4], [6, 8], [0, 1]], np.float32)
    goal = Diversity(Nearest(Vectors(vectors)), stopping_condition_minimum_distance=1.5)
    assert goal.values().tolist() == [1, 1, 1, 1]
    assert (goal.now(), goal.ends(3)) == (0, "")
    for row in (0, 1):
        goal.add(row)
    goal.settle(np.arange(4))
    assert goal.values().tolist() == pytest.approx([50, 50, 75, 51])
    assert goal.now() == 50
    assert goal.ends(2) == ""
    assert goal.ends(3) == (
        "DIVERSITY: the best row left is 1 from the nearest pick, below stopping_condition_minimum_distance 1.5"
    )


@pytest.mark.parametrize("distance", [-1.0, float("nan")])
def test_distances_that_mean_nothing_are_refused(distance: float) -> None:
    nearest = Nearest(Vectors(unit_rows(0, 3)))
    with pytest.raises(UsageError, match="0 or more"):
        Diversity(nearest, stopping_condition_minimum_distance=distance)
    with pytest.raises(UsageError, match="above 0"):
        MinimumDistance(nearest, distance)
