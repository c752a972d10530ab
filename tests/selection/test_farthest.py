"""Farthest-first order, as brute force and as the known engine find it."""

from __future__ import annotations

import lightly_mundig
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.selection.budget.farthest import farthest_first


def table(seed: int, rows: int, dim: int = 8, centres: int = 5, spread: float = 0.3) -> np.ndarray:
    dice = np.random.default_rng(seed)
    made = dice.normal(size=(centres, dim))[dice.integers(0, centres, rows)] + spread * dice.normal(size=(rows, dim))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def brute_force(rows: np.ndarray, n: int, before: np.ndarray) -> list[int]:
    wide, picks = rows.astype(np.float64), []
    nearest = np.full(len(rows), np.inf)
    for pick in before.astype(np.float64):
        nearest = np.minimum(nearest, np.sqrt(((wide - pick) ** 2).sum(axis=1)))
    while len(picks) < min(n, len(rows)):
        open_ = np.array([i not in picks for i in range(len(rows))])
        best = int(np.argmax(np.where(open_, nearest, -1)))
        picks.append(best)
        nearest = np.minimum(nearest, np.sqrt(((wide - wide[best]) ** 2).sum(axis=1)))
    return picks


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 70), st.integers(0, 5))
def test_brute_force_agrees(seed, rows, n, before):
    made, earlier = table(seed, rows), table(seed + 1, before) if before else np.empty((0, 8), np.float32)
    assert farthest_first(made, n, preselected=earlier)[0] == brute_force(made, n, earlier)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("spread", [0.05, 0.5])
def test_the_known_engine_picks_the_same_in_the_same_order(seed, spread):
    rows = table(seed, 300, 32, 12, spread)
    engine = lightly_mundig.Selection()
    engine.add_diversifying_strategy(rows, 1.0)
    assert farthest_first(rows, 40)[0] == list(engine.run_selection([], len(rows), 40))


def test_more_rows_than_are_settled_at_once_and_repetitions():
    rows = np.concatenate([table(3, 700)] * 2)
    picks = farthest_first(rows, 1_400)[0]
    assert sorted(picks) == list(range(1_400))
    assert picks[:30] == brute_force(rows, 30, np.empty((0, 8), np.float32))
