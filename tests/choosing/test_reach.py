"""The bounds of a check are exact: every set of n rows lies within, and some are on them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.choosing.reach import gap_fits, largest_share, picks_until, quota_fits, smallest_share, sums
from streamsel.selection.columns import Labels, Numbers

AMOUNTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3)) | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    min_size=1,
    max_size=7,
)
EARLIER = st.tuples(st.integers(0, 4), st.integers(0, 4))


@given(AMOUNTS, st.data(), EARLIER)
def test_shares(rows, data, earlier):
    amounts, others = np.array(rows, np.float64).T
    totals, before = amounts + others, (float(earlier[0]), float(sum(earlier)))
    n = data.draw(st.integers(1, len(rows)))
    shares = []
    for some in map(list, combinations(range(len(rows)), n)):
        total = totals[some].sum() + before[1]
        shares.append((amounts[some].sum() + before[0]) / total if total else 0.0)
    assert largest_share(amounts, totals, n, before) == pytest.approx(max(shares), abs=1e-9)
    assert smallest_share(amounts, totals, n, before) == pytest.approx(min(shares), abs=1e-9)


@given(st.lists(st.integers(-5, 9), min_size=1, max_size=7), st.data())
def test_sums(values, data):
    n = data.draw(st.integers(1, len(values)))
    made = [sum(some) for some in combinations(values, n)]
    assert sums(np.array(values, np.float64), n) == (min(made), max(made))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 30))
def test_picks_until(values, goal):
    reached = {n: [sum(some) >= goal for some in combinations(values, n)] for n in range(1, len(values) + 1)}
    fewest = next((n for n, some in reached.items() if any(some)), None)
    most = next((n for n, some in reached.items() if all(some)), None)
    assert picks_until(np.array(values, np.float64), goal) == (fewest, most)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12)), max_size=8), st.integers(1, 5))
def test_rows_that_fit_a_gap(rows, seconds):
    def fits(some):
        pairs = combinations(some, 2)
        return all(a != c or abs(b - d) >= seconds for (a, b), (c, d) in pairs)

    best = max(n for n in range(len(rows) + 1) if any(map(fits, combinations(rows, n))))
    sources = np.array([source for source, _ in rows], object)
    times = np.array([time for _, time in rows], np.float64)
    assert gap_fits(Labels(sources), Numbers(times), seconds) == best


def test_rows_that_fit_a_quota():
    assert quota_fits(np.array([5, 1]), np.array([2, 2]), 9) == 2 + 1 + 3
