"""The laws of the greedy driver, whatever the goals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection.budget.diversity import Diversity
from streamsel.selection.budget.greedy import Goal, choose
from streamsel.selection.budget.lazy import best_first
from streamsel.selection.budget.minimum_distance import MinimumDistance
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.budget.sums import Sum
from streamsel.selection.columns import Vectors
from tests.selection.plain_greedy import Task, loss, started, unit_rows

STRENGTHS = st.sampled_from([1.0, 0.4, 3.0, -0.7])


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    dice = np.random.default_rng(draw(st.integers(0, 10_000)))
    rows = draw(st.integers(2, 80))
    uses = draw(st.sets(st.sampled_from(["vectors", "weights", "counts"]), min_size=1))
    return Task(
        unit_rows(rows, rows, 5, draw(st.sampled_from([0, 4]))) if "vectors" in uses else None,
        dice.random(rows) + 0.01 if "weights" in uses else None,
        dice.poisson(0.8, (rows, 3)) if "counts" in uses else None,
        dice.dirichlet(np.ones(3)),
        *draw(st.tuples(STRENGTHS, STRENGTHS, STRENGTHS)),
        before=draw(st.integers(0, min(3, rows - 1))),
    )


@settings(max_examples=150)
@given(tasks(), st.integers(0, 90))
def test_every_pick_is_the_best_there_is(task: Task, n: int) -> None:
    order = list(task.chosen(n).order)
    assert len(set(order)) == len(order) == min(n, len(task) - task.before)
    assert loss(task, order) < 1e-9


@settings(max_examples=40)
@given(tasks(), st.randoms(use_true_random=False))
def test_the_order_of_the_strategies_does_not_matter(task: Task, dice) -> None:
    goals = task.goals()
    dice.shuffle(goals)
    order = list(started(goals, len(task), 12, task.before).order)
    assert order == list(task.chosen(12).order) or loss(task, order) < 1e-9


@settings(max_examples=40)
@given(st.integers(0, 1000), st.floats(1e-6, 1e6), STRENGTHS, STRENGTHS)
def test_weights_times_a_constant_change_nothing(seed: int, factor: float, diversity: float, weighting: float) -> None:
    vectors, weights = unit_rows(seed, 50), np.random.default_rng(seed).random(50) + 0.01
    one = Task(vectors, weights, diversity=diversity, weighting=weighting)
    other = Task(vectors, weights * factor, diversity=diversity, weighting=weighting)
    assert one.chosen(20).order == other.chosen(20).order or loss(one, list(other.chosen(20).order)) < 1e-9


@given(tasks())
def test_gains_add_up_to_what_the_objectives_reached(task: Task) -> None:
    goals = task.goals()
    choice = started(goals, len(task), 10, task.before)
    for goal in goals:
        if goal.objective.name == "WEIGHTS":
            start = float(task.weights[: task.before].sum()) or 1.0
            gained = sum(gains["WEIGHTS"] for gains in choice.gains)
            assert gained == pytest.approx(goal.strength * (math.log(goal.objective.now()) - math.log(start)))


def test_gains_of_diversity_alone() -> None:
    vectors = np.array([[0, 0], [4, 0], [0, 3]], np.float32)
    choice = Task(vectors).chosen(3)
    assert choice.order == (0, 1, 2)
    after = [gains["DIVERSITY"] for gains in choice.gains]
    assert after == pytest.approx([0.0, math.log(16), math.log((32 + 9) / 32)])


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=120), st.data())
def test_lazily_found_rows_come_in_their_order(pairs: list[tuple[int, int]], data: st.DataObject) -> None:
    values = np.array([value for value, _ in pairs], np.float64)
    bounds = values + np.array([slack for _, slack in pairs])
    shut = np.array([data.draw(st.booleans()) for _ in pairs], bool)
    bounds[shut] = -np.inf
    expected = [row for row in np.lexsort((np.arange(len(values)), -values)) if not shut[row]]
    assert list(best_first(bounds, lambda rows: values[rows])) == expected


@pytest.mark.parametrize("rows", [5_000, 20_000])
def test_few_rows_are_looked_at_and_ties_are_taken_in_parts(rows: int) -> None:
    dice, looked = np.random.default_rng(0), []
    values = dice.random(rows)
    near = best_first(values + 1e-3, lambda some: looked.append(len(some)) or values[some])
    assert [next(near) for _ in range(10)] == np.argsort(-values)[:10].tolist()
    assert sum(looked) < rows / 4
    tied = best_first(np.ones(rows), lambda some: looked.append(len(some)) or np.ones(len(some)))
    looked.clear()
    assert [next(tied) for _ in range(300)] == list(range(300))
    assert sum(looked) < rows / 4


@settings(max_examples=60)
@given(st.integers(0, 1000), st.floats(0.05, 1.5), st.booleans(), st.integers(0, 3))
def test_a_minimum_distance_is_never_violated_and_leaves_nothing_out(
    seed: int, distance: float, diverse: bool, before: int
) -> None:
    vectors = unit_rows(seed, 60, 4, 5)
    nearest = Nearest(Vectors(vectors))
    goals = [Goal(Sum("WEIGHTS", np.random.default_rng(seed).random(60)))]
    goals += [Goal(Diversity(nearest))] if diverse else []
    rule = MinimumDistance(nearest, distance)
    for row in range(before):
        rule.add(row)
    choice = started(goals, 60, 61, before, constraints=[rule])
    picks = [*range(before), *choice.order]
    gaps = np.sqrt(((vectors[:, None].astype(np.float64) - vectors) ** 2).sum(axis=2))
    for place, pick in enumerate(picks[before:], before):
        assert (gaps[pick, picks[:place]] >= distance).all()
    left = np.setdiff1d(np.arange(60), picks)
    assert (gaps[np.ix_(left, picks)].min(axis=1) < distance).all() if len(left) else True
    assert choice.ended == ("no row is left" if len(picks) == 60 else "no row is left that MIN_DISTANCE allows")


class Evens:
    """A constraint that wants even rows while fewer than three picks are left."""

    name = "EVENS"

    def forbids(self, row: int) -> bool:
        return row == 5

    def add(self, row: int) -> None: ...

    def wants(self, left: int) -> np.ndarray | None:
        return np.arange(8) % 2 == 0 if left < 3 else None


def test_constraints_forbid_and_want() -> None:
    goals = [Goal(Sum("WEIGHTS", np.arange(8.0)))]
    assert choose(goals, 4, open_rows=np.ones(8, bool), constraints=[Evens()]).order == (7, 6, 4, 2)
    choice = choose([], 4, open_rows=np.arange(8) % 2 == 1, constraints=[Evens()])
    assert choice.order == (1, 3)
    assert choice.ended == "no row is left that EVENS allows"


def test_a_run_says_why_it_ended_and_how_far_it_is() -> None:
    told: list[int] = []
    open_rows = np.array([True, False, True, True])
    choice = choose([Goal(Sum("W", np.ones(4)))], 9, open_rows=open_rows, progress=told.append)
    assert (choice.order, choice.ended, told) == ((0, 2, 3), "no row is left", [1, 2, 3])
    assert open_rows.sum() == 3
    assert choose([], 2, open_rows=open_rows).ended == "all 2 picks are made"
    assert choose([], 3, open_rows=open_rows).ended == "no row is left"
    assert choose([], 0, open_rows=np.ones(0, bool)).order == ()
    assert choose([], 3, open_rows=np.ones(0, bool)).ended == "no row is left"


@pytest.mark.parametrize("n", [7, 50])
def test_equal_rows_are_taken_in_their_order(n: int) -> None:
    same = np.tile(unit_rows(0, 1), (50, 1))
    assert Task(same).chosen(n).order == tuple(range(n))
    assert Task(same, np.full(50, 2.0), np.ones((50, 2)), np.array([0.5, 0.5])).chosen(n).order == tuple(range(n))


def test_rows_with_an_objective_of_nothing_rank_behind_all_others() -> None:
    """A repetition of the only pick has O = 0 as DIVERSITY goes; so has a row whose sum of weights is 0."""
    vectors = np.array([[1, 0], [1, 0], [0.8, 0.6]], np.float32)
    assert Task(vectors, np.array([1.0, 99.0, 0.1])).chosen(3).order == (1, 2, 0)
    assert Task(vectors, np.array([5.0, 1.0, -6.0]), diversity=0.1).chosen(3).order == (0, 1, 2)


@pytest.mark.parametrize("weight", [0.0, -1.0, 0.25])
def test_weights_that_are_all_equal_change_nothing(weight: float) -> None:
    vectors = unit_rows(4, 60)
    made = Task(vectors, np.full(60, weight, np.float32), weighting=0.5)
    if weight <= 0:
        assert made.chosen(20).order == Task(vectors).chosen(20).order
    assert list(made.chosen(20).order) == made.by_mundig(20)


def test_one_goal_alone_ranks_by_its_objective_even_without_a_logarithm() -> None:
    weights = np.array([-3.0, 0.0, 2.0, -1.0])
    assert Task(weights=weights).chosen(4).order == (2, 1, 3, 0)
    assert Task(weights=weights, weighting=-2.0).chosen(4).order == (0, 3, 1, 2)
    assert Task(unit_rows(1, 4), weights, diversity=0.0).chosen(4).order == (2, 1, 3, 0)


def test_strength_zero_everywhere_is_the_order_of_the_rows() -> None:
    assert Task(unit_rows(0, 6), np.arange(6.0), diversity=0.0, weighting=0.0).chosen(6).order == tuple(range(6))


@pytest.mark.parametrize("strength", [np.nan, np.inf])
def test_what_means_nothing_is_refused(strength: float) -> None:
    with pytest.raises(UsageError, match="strength of W"):
        Goal(Sum("W", np.ones(2)), strength)
    with pytest.raises(UsageError, match="n must be"):
        choose([], -1, open_rows=np.ones(2, bool))
