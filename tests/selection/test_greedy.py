"""Greedy with DIVERSITY: farthest-first as brute force and as the known engine do it."""

from __future__ import annotations

import lightly_mundig
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection.budget.farthest import farthest_first
from streamsel.selection.greedy import Greedy


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


@given(st.integers(0, 500), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_any_cut_into_blocks_gives_the_same(seed, sizes):
    rows = table(seed, sum(sizes))
    whole, cut = Greedy(8), Greedy(8)
    whole.offer(rows)
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        assert cut.offer(rows[start : start + size]) == []
    assert whole.finish(5) == cut.finish(5)


def test_decisions_tell_distances_and_the_nearest_pick():
    rows = table(0, 40)
    order, decisions = _finished(rows, 4)
    assert [decisions[i].keep for i in order] == [True] * 4
    assert decisions[order[0]].reason == "first"
    picks = rows[order].astype(np.float64)
    for place, decision in enumerate(decisions):
        gaps = np.sqrt(((picks - rows[place]) ** 2).sum(axis=1))
        if not decision:
            assert decision.reason == "budget"
            assert decision.distance == pytest.approx(gaps.min())
            assert decision.nearest == int(np.argmin(gaps))


def _finished(rows: np.ndarray, n: int):
    driver = Greedy(8)
    driver.offer(rows)
    return driver.finish(n)


def test_nothing_offered_is_nothing_picked():
    assert Greedy(8).finish(3) == ([], [])


def test_rows_that_cannot_be_used_are_named():
    rows = table(0, 5)
    rows[3, 2] = np.nan
    with pytest.raises(UsageError, match="row 3"):
        Greedy(8).offer(rows)
