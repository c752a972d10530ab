"""Unit vectors, and the vector of a sequence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from streamsel.data import Vector
from streamsel.embed.pooling import added, pool, pooled, unit

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
matrices = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=finite)


@given(matrices)
def test_rows_become_unit(rows: Vector) -> None:
    kept = rows.copy()
    norms = np.linalg.norm(unit(rows).astype(np.float64), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-5)
    np.testing.assert_array_equal(rows, kept)


@given(matrices)
def test_rows_do_not_see_each_other(rows: Vector) -> None:
    alone = np.concatenate([unit(row[None]) for row in rows])
    assert unit(rows).tobytes() == alone.tobytes()


def test_directions_stay() -> None:
    np.testing.assert_allclose(unit(np.float32([[3, 4], [0, -1e-30]])), [[0.6, 0.8], [0, -1]], rtol=1e-6)


def test_zeros_get_the_constant_direction() -> None:
    np.testing.assert_allclose(unit(np.zeros((1, 4), np.float32)), [[0.5, 0.5, 0.5, 0.5]])


def test_no_rows_are_fine() -> None:
    assert unit(np.empty((0, 3), np.float32)).shape == (0, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_is_named(bad: float) -> None:
    rows = np.ones((3, 2), np.float32)
    rows[1, 0] = bad
    with pytest.raises(ValueError, match="row 1 "):
        unit(rows)


@given(matrices)
def test_one_frame_is_its_own_sequence(rows: Vector) -> None:
    frames = unit(rows)
    np.testing.assert_allclose(pool(frames[:1]), frames[0], atol=1e-6)


@given(matrices)
def test_the_sum_of_vectors_is_enough(rows: Vector) -> None:
    """As they are added one at a time, whatever the number of them."""
    frames = unit(rows)
    total = None
    for frame in frames:
        total = added(total, frame)
    assert pooled(total, len(frames), frames[-1]).tobytes() == pool(frames).tobytes()


@given(matrices.filter(lambda rows: rows.shape[1] > 1))
def test_it_is_the_mean(rows: Vector) -> None:
    frames = unit(rows)
    mean = frames.mean(axis=0, dtype=np.float32)
    assert not mean.any() or unit(mean[None])[0].tobytes() == pool(frames).tobytes()


@given(matrices)
def test_order_and_repeats_hardly_matter(rows: Vector) -> None:
    frames = unit(rows)
    assert np.isclose(np.linalg.norm(pool(frames)), 1, atol=1e-5)
    repeated = np.concatenate([frames, frames])
    if np.linalg.norm(frames.mean(axis=0)) > 1e-2:
        np.testing.assert_allclose(pool(repeated), pool(frames), atol=1e-3)
        np.testing.assert_allclose(pool(frames[::-1]), pool(frames), atol=1e-3)


def test_opposites_leave_the_last() -> None:
    np.testing.assert_array_equal(pool(np.float32([[0, 1], [0, -1]])), [0, -1])


@pytest.mark.parametrize("shape", [(0, 3), (3,)])
def test_a_sequence_has_frames(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be \(L, D\)"):
        pool(np.ones(shape, np.float32))
