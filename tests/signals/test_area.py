from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamsel.data import Pixels
from streamsel.decode.picture import StillPicture
from streamsel.signals.area import resized

SIDES = st.integers(1, 40)
PICTURES = arrays(np.uint8, st.tuples(SIDES, SIDES, st.just(3)))


def weights(old: int, new: int) -> np.ndarray:
    """(new, old): how much of each old one a new one takes, from the definition."""
    table = np.zeros((new, old))
    for i in range(new):
        if new <= old:
            start, end = i * old / new, (i + 1) * old / new
            table[i] = [max(0.0, min(end, j + 1) - max(start, j)) / (end - start) for j in range(old)]
        else:
            middle = min(max((i + 0.5) * old / new - 0.5, 0), old - 1)
            table[i] = [max(0.0, 1 - abs(middle - j)) for j in range(old)]
    return table


@given(PICTURES, SIDES, SIDES)
def test_it_is_what_its_definition_says(pixels: Pixels, width: int, height: int) -> None:
    kept = pixels.copy()
    exact = np.einsum("yj,xk,jkc->yxc", weights(len(pixels), height), weights(pixels.shape[1], width), pixels)
    found = resized(pixels, width, height)
    assert (found.shape, found.dtype) == ((height, width, 3), np.uint8)
    assert np.abs(found - exact).max() <= 0.501
    assert np.array_equal(pixels, kept)


@given(PICTURES)
def test_the_same_size_is_the_same_picture(pixels: Pixels) -> None:
    assert np.array_equal(resized(pixels, pixels.shape[1], len(pixels)), pixels)


@given(st.integers(0, 255), SIDES, SIDES, SIDES, SIDES)
def test_a_flat_picture_stays_flat(value: int, height: int, width: int, new_height: int, new_width: int) -> None:
    found = resized(np.full((height, width, 3), value, np.uint8), new_width, new_height)
    assert (found == value).all()


def test_it_is_near_to_how_frames_are_scaled() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).repeat(16, 0).repeat(16, 1).astype(np.uint8)
    for size in ((64, 64), (100, 40), (224, 128)):
        difference = np.abs(resized(pixels, *size).astype(int) - StillPicture(pixels).rgb(*size))
        assert difference.mean() < 3
