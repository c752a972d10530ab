"""The known engine and ours: the same picks in the same order, or picks whose potentials tie."""

from __future__ import annotations

import numpy as np
import pytest

from tests.selection.plain_greedy import Task, loss, unit_rows

N = 30
SUBSETS = [{"vectors"}, {"weights"}, {"counts"}, {"vectors", "weights"}, {"vectors", "counts"}, {"weights", "counts"}]
SUBSETS += [{"vectors", "weights", "counts"}] * 4


def task(seed: int) -> Task:
    """A table small or larger, clustered or not, with one to three goals, some of them turned round, and picks."""
    dice = np.random.default_rng(seed)
    rows, columns = int(dice.integers(40, 400)), SUBSETS[seed % len(SUBSETS)]
    vectors = unit_rows(seed, rows, int(dice.integers(2, 33)), centres=[0, 6][seed // 10 % 2], spread=0.2)
    target = dice.dirichlet(np.ones(4)).astype(np.float32)
    objects = dice.poisson(0.7, (rows, 4)) if seed % 3 else dice.dirichlet(np.ones(4), rows)
    strengths = dice.choice([1.0, 1.0, 0.3, 2.5, -0.5], 3).tolist()
    return Task(
        vectors if "vectors" in columns else None,
        dice.random(rows, dtype=np.float32) + np.float32(0.01) if "weights" in columns else None,
        objects.astype(np.float32) if "counts" in columns else None,
        target,
        *strengths,
        before=int(dice.choice([0, 0, 1, 5])),
    )


@pytest.mark.parametrize("seed", range(200))
def test_the_same_picks_in_the_same_order_or_ties(seed: int) -> None:
    made = task(seed)
    ours, known = list(made.chosen(N).order), made.by_mundig(N)
    assert len(ours) == len(known) == N
    assert ours == known or (loss(made, known) < 2e-6 and loss(made, ours) < 1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_the_same_picks_where_sums_are_nothing(seed: int) -> None:
    dice = np.random.default_rng(seed)
    weights = dice.choice([0, 0, 0, 1, -1], 80).astype(np.float32) * (seed % 4 > 0)
    vectors = unit_rows(seed, 80, 5)
    strength = float(dice.choice([1, 0.1, 1e-2, 1e-3, -0.2]))
    made = Task(vectors, weights, weighting=strength, before=seed % 3)
    ours, known = list(made.chosen(N).order), made.by_mundig(N)
    assert ours == known or (loss(made, known) < 2e-6 and loss(made, ours) < 1e-9)


def test_hardly_any_of_them_tie() -> None:
    tables = [task(seed) for seed in range(40)]
    assert sum(list(made.chosen(N).order) == made.by_mundig(N) for made in tables) >= 38


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("before", [0, 3])
def test_the_minimum_distance_stops_where_it_does(seed: int, weighted: bool, before: int) -> None:
    vectors, weights = unit_rows(seed, 200, 3), np.random.default_rng(seed).random(200, dtype=np.float32)
    made = Task(vectors, weights if weighted else None, weighting=0.2, before=before, minimum=0.35)
    choice = made.chosen(200)
    assert list(choice.order) == made.by_mundig(200)
    assert len(choice.order) < 197
    assert "stopping_condition_minimum_distance 0.35" in choice.ended


def test_in_a_long_run_the_known_engine_ties_more_often_because_it_adds_in_float32() -> None:
    vectors = unit_rows(0, 3_000, 16, 40)
    known, goal = Task(vectors).by_mundig(500), Task(vectors).goals()[0].objective
    for place, row in enumerate(known):
        goal.settle(np.arange(3_000))
        potential = np.log(np.maximum(goal.values(), 1e-300))
        potential[known[:place]] = -np.inf
        assert potential.max() - potential[row] < 2e-6
        goal.add(row)
