"""Nearest neighbours: exactly those of brute force, in any order of rows, whatever repeats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection import neighbour_index, neighbours
from streamsel.selection.neighbours import neighbour_distances, query_distances


def table(seed: int, rows: int, dim: int = 6, spread: float = 0.3, repeats: int = 0) -> np.ndarray:
    dice = np.random.default_rng(seed)
    made = dice.normal(size=(4, dim))[dice.integers(0, 4, rows)] + spread * dice.normal(size=(rows, dim))
    made = made.astype(np.float32)
    if rows and repeats:
        made[dice.integers(0, rows, repeats)] = made[0]
    return made


def all_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    gap = rows.astype(np.float64)[:, None] - others.astype(np.float64)[None]
    return np.sqrt(np.einsum("ijk,ijk->ij", gap, gap))


def brute_force(rows: np.ndarray, k: int) -> np.ndarray:
    distance = all_distances(rows, rows)
    np.fill_diagonal(distance, np.inf)
    return np.sort(distance, axis=1)[:, : min(k, max(0, len(rows) - 1))]


@given(
    st.integers(0, 10_000),
    st.integers(0, 90),
    st.integers(1, 100),
    st.sampled_from([0.3, 1e-3, 1e-7]),
    st.sampled_from([0, 3, 60]),
)
def test_brute_force_agrees_bit_for_bit(seed, rows, k, spread, repeats):
    made = table(seed, rows, spread=spread, repeats=repeats)
    before = made.copy()
    assert np.array_equal(neighbour_distances(made, k), brute_force(made, k))
    assert np.array_equal(made, before)


@pytest.mark.parametrize("spread", [0.5, 1e-4])
def test_large_tables_of_crowds_and_many_blocks_agree_too(spread, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 64)
    monkeypatch.setattr(neighbour_index, "CROWD", 20)
    monkeypatch.setattr(neighbour_index, "WIDE", 100)
    monkeypatch.setattr(neighbour_index, "PAIRS", 1_000)
    made = table(1, 900, dim=12, spread=spread, repeats=40)
    assert np.array_equal(neighbour_distances(made, 7), brute_force(made, 7))


def test_ties_by_the_thousand_are_no_trouble():
    corners = (np.arange(2**9)[:, None] >> np.arange(9) & 1).astype(np.float32)
    assert np.array_equal(neighbour_distances(corners, 15), brute_force(corners, 15))


@given(st.integers(0, 1_000), st.integers(2, 60), st.integers(1, 12))
def test_the_order_of_rows_does_not_matter(seed, rows, k):
    made = table(seed, rows, repeats=3)
    order = np.random.default_rng(seed).permutation(rows)
    assert np.array_equal(neighbour_distances(made[order], k), neighbour_distances(made, k)[order])


@given(st.integers(0, 1_000), st.integers(0, 60), st.integers(1, 50), st.booleans())
def test_the_nearest_query_is_that_of_brute_force(seed, rows, queries, contained):
    made, wanted = table(seed, rows), table(seed + 1, queries, spread=1.0, repeats=4)
    if contained and rows:
        wanted[0] = made[-1]
    assert np.array_equal(query_distances(made, wanted), all_distances(made, wanted).min(axis=1))


def test_minus_zero_is_zero():
    assert neighbour_distances(np.array([[0.0, 1], [-0.0, 1]], np.float32), 1).tolist() == [[0], [0]]


@pytest.mark.parametrize("rows", [np.zeros((5, 3)), np.full((4, 2), 1e19), np.full((3, 2), 1e-40)])
def test_zeros_and_extremes_have_distances_like_any_row(rows):
    made = rows.astype(np.float32)
    made[0] /= 2
    assert np.array_equal(neighbour_distances(made, 2), brute_force(made, 2))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: neighbour_distances(np.ones((3, 2), np.float32), 0), "must be 1 or more, got 0"),
        (lambda: neighbour_distances(np.array([[1, 2], [np.nan, 0]], np.float32), 1), "row 1"),
        (lambda: neighbour_distances(np.ones(3, np.float32), 1), r"got \(3,\)"),
        (lambda: query_distances(np.ones((3, 2), np.float32), np.ones((0, 2), np.float32)), "at least one query"),
        (lambda: query_distances(np.ones((3, 2), np.float32), np.ones((1, 5), np.float32)), "got 5"),
    ],
)
def test_what_cannot_be_searched_is_said(call, said):
    with pytest.raises(UsageError, match=said):
        call()
