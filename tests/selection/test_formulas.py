"""SIMILARITY and TYPICALITY: the values of the known engine, and stated ones where it has none."""

from __future__ import annotations

import lightly_mundig
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.selection.columns import Objects
from streamsel.selection.formulas import object_maximum, object_mean, object_sum, similarity, typicality


def table(seed: int, rows: int, dim: int = 8) -> np.ndarray:
    dice = np.random.default_rng(seed)
    made = dice.normal(size=(5, dim))[dice.integers(0, 5, rows)] + 0.3 * dice.normal(size=(rows, dim))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 10_000), st.integers(2, 80), st.integers(1, 90))
def test_typicality_is_that_of_the_known_engine(seed, rows, k):
    made = table(seed, rows)
    known = lightly_mundig.Typicality(made).calculate_typicality(k)
    np.testing.assert_allclose(typicality(made, k), known, atol=3e-5)


@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 9))
def test_similarity_is_that_of_the_known_engine(seed, rows, queries):
    made, wanted = table(seed, rows), table(seed + 1, queries)
    known = lightly_mundig.Similarity(made).calculate_similarity(wanted)
    np.testing.assert_allclose(similarity(made, wanted), known, atol=3e-5)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 30))
def test_a_row_that_stands_for_copies_counts_as_if_all_were_there(seed, copies, k):
    rows = np.random.default_rng(seed).normal(size=(len(copies), 5)).astype(np.float32)
    rows[len(rows) // 2] = rows[0]
    whole = typicality(np.repeat(rows, copies, axis=0), k)
    first = np.cumsum([0, *copies[:-1]])
    np.testing.assert_allclose(typicality(rows, k, np.array(copies)), whole[first], rtol=1e-9)


def test_repetitions_are_neighbours_at_no_distance():
    rows = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [-1, 0]], np.float32)
    known = lightly_mundig.Typicality(rows).calculate_typicality(2)
    np.testing.assert_allclose(typicality(rows, 2), known, atol=1e-6)


@pytest.mark.parametrize("rows", [np.ones((1, 3), np.float32), np.ones((6, 3), np.float32), np.zeros((6, 3))])
def test_where_there_is_no_scale_all_are_alike_by_one(rows):
    assert typicality(rows, 4).tolist() == [1.0] * len(rows)
    assert similarity(rows, rows[:1]).tolist() == [1.0] * len(rows)


def test_of_nothing_there_is_nothing():
    nothing = np.zeros((0, 3), np.float32)
    assert len(typicality(nothing, 4)) == len(similarity(nothing, np.ones((1, 3), np.float32))) == 0


@given(st.lists(st.lists(st.floats(0, 1), max_size=4), max_size=12))
def test_values_of_objects_become_values_of_rows(values):
    ends = np.cumsum([len(row) for row in values], dtype=np.int64)
    flat = np.array([value for row in values for value in row], np.float64)
    objects = Objects(np.ones((len(flat), 2), np.float32), ends)
    np.testing.assert_allclose(object_sum(objects, flat), [sum(row) for row in values])
    np.testing.assert_allclose(object_mean(objects, flat), [sum(row) / max(1, len(row)) for row in values])
    np.testing.assert_allclose(object_maximum(objects, flat), [max(row, default=0) for row in values])
