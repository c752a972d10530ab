"""The budget's Selector: any cut gives the same, and each decision tells how far the picks are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection.budget.best import Best, Rules
from streamsel.selection.budget.diversity import Diversity
from streamsel.selection.budget.greedy import Goal
from streamsel.selection.budget.nearest import Nearest


def best() -> Best:
    return Best(lambda batch: Rules([Goal(Diversity(Nearest(batch["EMBEDDINGS"])))]))


def table(seed: int, rows: int) -> np.ndarray:
    made = np.random.default_rng(seed).normal(size=(rows, 8))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 500), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_any_cut_into_blocks_gives_the_same(seed, sizes):
    rows = table(seed, sum(sizes))
    whole, cut = best(), best()
    whole.offer(rows)
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        assert cut.offer(rows[start : start + size]) == []
    assert whole.finish(5) == cut.finish(5)


def test_decisions_tell_distances_and_the_nearest_pick():
    rows, driver = table(0, 40), best()
    driver.offer(rows)
    order, decisions = driver.finish(4)
    assert [decisions[i].keep for i in order] == [True] * 4
    assert decisions[order[0]].reason == "first"
    picks = rows[order].astype(np.float64)
    for place, decision in enumerate(decisions):
        gaps = np.sqrt(((picks - rows[place]) ** 2).sum(axis=1))
        if not decision:
            assert decision.reason == "budget"
            assert decision.distance == pytest.approx(gaps.min())
            assert decision.nearest == int(np.argmin(gaps))


def test_nothing_offered_is_nothing_picked_and_says_why():
    driver = best()
    assert driver.finish(3) == ([], [])
    assert driver.ended


def test_rows_that_cannot_be_used_are_named():
    rows = table(0, 5)
    rows[3, 2] = np.nan
    with pytest.raises(UsageError, match="row 3"):
        best().offer(rows)
