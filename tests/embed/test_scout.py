"""The laws of the scout's descriptors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.data import Pixels
from streamsel.embed.scout import DIM, describe
from streamsel.errors import UsageError


def pictures(seed: int, count: int, low: int = 0, high: int = 256) -> Pixels:
    """Random blocks, smooth enough to look like pictures."""
    coarse = np.random.default_rng(seed).integers(low, high, (count, 24, 16), np.uint8)
    return np.kron(coarse, np.ones((1, 4, 4), np.uint8))


def flat(luma: int, chroma: int = 128) -> Pixels:
    sample = np.full((1, 96, 64), luma, np.uint8)
    sample[:, 64:] = chroma
    return sample


def gap(left: Pixels, right: Pixels) -> float:
    return float(np.linalg.norm(describe(left) - describe(right)))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.data())
def test_a_row_does_not_depend_on_its_neighbours(seed: int, count: int, data: st.DataObject) -> None:
    samples = pictures(seed, count)
    start = data.draw(st.integers(0, count - 1))
    stop = data.draw(st.integers(start + 1, count))
    assert np.array_equal(describe(samples)[start:stop], describe(samples[start:stop]))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.integers(1, 56))
def test_rows_are_finite_and_of_unit_norm(seed: int, low: int, width: int) -> None:
    rows = describe(pictures(seed, 5, low, low + width))
    assert rows.shape == (5, DIM)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_no_pictures_give_no_rows() -> None:
    assert describe(np.zeros((0, 96, 64), np.uint8)).shape == (0, DIM)


def test_the_input_is_left_alone() -> None:
    samples = pictures(1, 3)
    before = samples.copy()
    describe(samples)
    assert np.array_equal(samples, before)


@pytest.mark.parametrize("luma", [0, 16, 128, 255])
def test_noise_in_flat_pictures_is_not_new(luma: int) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (1, 96, 64), np.uint8)
    noisy = np.where(flat(luma) == 255, flat(luma) - noise, flat(luma) + noise).astype(np.uint8)
    assert gap(flat(luma), noisy) < 0.3
    assert gap(flat(luma), pictures(2, 1)) > 0.8


def test_brightness_alone_is_not_new_but_colour_is() -> None:
    picture = pictures(3, 1, 40, 200)
    brighter = picture.copy()
    brighter[:, :64] += 20
    warmer = picture.copy()
    warmer[:, 80:] += 40
    assert gap(picture, brighter) < 0.01 < 0.2 < gap(picture, warmer)


def test_texture_is_seen_where_means_agree() -> None:
    smooth, checked = flat(128), flat(128)
    checked[:, :64] += (np.indices((64, 64)).sum(axis=0) % 2 * 40).astype(np.uint8)
    checked[:, :64] -= 20
    assert gap(smooth, checked) > 0.3


@pytest.mark.parametrize(
    "wrong", [np.zeros((96, 64), np.uint8), np.zeros((1, 64, 64), np.uint8), np.zeros((1, 96, 64))]
)
def test_other_shapes_and_types_are_refused(wrong: Pixels) -> None:
    with pytest.raises(UsageError, match="96, 64"):
        describe(wrong)
