from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFilter

from streamsel.data import Frame, Mark, Pixels
from streamsel.decode.picture import StillPicture
from streamsel.errors import UsageError
from streamsel.signals.measured import KEYS, Measured
from streamsel.signals.measured_edges import sharpness, uniform_row_ratio
from streamsel.signals.measured_sums import grey_of, means, spread

KERNEL = ImageFilter.Kernel((3, 3), (-1, -1, -1, -1, 8, -1, -1, -1, -1), 1, 0)


def random_picture(height: int, width: int, seed: int = 0, low: int = 0, high: int = 256) -> Pixels:
    return np.random.default_rng(seed).integers(low, high, (height, width, 3), dtype=np.uint8)


def flat(colour: tuple[int, int, int], height: int = 5, width: int = 7) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


PICTURES = st.one_of(
    arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))),
    st.builds(random_picture, st.integers(1, 90), st.integers(1, 90), st.integers(0, 99)),
    st.builds(flat, st.tuples(*[st.integers(0, 255)] * 3), st.integers(1, 9), st.integers(1, 9)),
)


def by_definition(rgb: Pixels) -> dict[str, float]:
    """Every key from its words, one after the other, in float64; grey and filter are Pillow's."""
    grey = np.asarray(Image.fromarray(rgb).convert("L"))
    red, green, blue = (float(np.mean(rgb[..., channel])) / 255 for channel in range(3))
    std = float(np.std(rgb))
    return {
        "lightly.width": rgb.shape[1],
        "lightly.height": rgb.shape[0],
        "lightly.meanRed": red,
        "lightly.meanGreen": green,
        "lightly.meanBlue": blue,
        "lightly.luminance": lightness(0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)),
        "lightly.snr": float(np.mean(rgb)) / std if std > 1e-12 else 0.0,
        "lightly.contrast": float(np.std(grey / 255)),
        "lightly.sharpness": float(np.std(np.asarray(Image.fromarray(grey).filter(KERNEL)))),
    }


def linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def lightness(y: float) -> float:
    return 903.2962962962963 * y if y <= 0.008856451679035631 else 116 * y ** (1 / 3) - 16


def row_ratios_by_definition(grey: Pixels) -> tuple[float, float]:
    """The ratio pixel by pixel in float64, with a threshold a little lower and a little higher."""
    height, width = grey.shape
    if min(height, width) < 3:
        return 0.0, 0.0
    values = grey.astype(float)
    if height > 400:
        shrink = 400 / height
        values = bilinear(values, int(height * shrink), max(3, int(width * shrink)))
    uniform: tuple[list[bool], list[bool]] = ([], [])
    for y in range(1, values.shape[0] - 1):
        around = [values[y - 1 : y + 2, x - 1 : x + 2] for x in range(1, values.shape[1] - 1)]
        responses = np.array([abs(9 * box[1, 1] - box.sum()) for box in around])
        for rows, threshold in zip(uniform, (5 - 1e-3, 5 + 1e-3), strict=True):
            strict = threshold if height > 400 else 5
            rows.append(bool(np.mean(responses < strict) > 0.97))
    return float(np.mean(uniform[0])), float(np.mean(uniform[1]))


def bilinear(values: np.ndarray, height: int, width: int) -> np.ndarray:
    ys = np.clip((np.arange(height) + 0.5) * values.shape[0] / height - 0.5, 0, values.shape[0] - 1)
    xs = np.clip((np.arange(width) + 0.5) * values.shape[1] / width - 0.5, 0, values.shape[1] - 1)
    across = np.array([np.interp(xs, np.arange(values.shape[1]), row) for row in values])
    return np.array([np.interp(ys, np.arange(values.shape[0]), column) for column in across.T]).T


@given(PICTURES)
def test_every_key_is_what_its_definition_says(rgb: Pixels) -> None:
    measured = Measured().of(StillPicture(rgb))
    expected = by_definition(rgb)
    assert set(measured) == {*expected, "lightly.uniformRowRatio"} == set(KEYS)
    for key, value in expected.items():
        assert measured[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key
    lower, higher = row_ratios_by_definition(grey_of(rgb))
    assert lower <= measured["lightly.uniformRowRatio"] <= higher


@pytest.mark.parametrize("shape", [(401, 7), (900, 3), (523, 31), (1200, 2), (1200, 5)])
def test_uniform_rows_of_high_pictures_are_counted_in_400_rows(shape: tuple[int, int]) -> None:
    grey = grey_of(random_picture(*shape, low=100, high=102))
    grey[shape[0] // 3 : shape[0] // 2] = 128
    lower, higher = row_ratios_by_definition(grey)
    assert lower <= uniform_row_ratio(grey) <= higher


@given(PICTURES)
def test_grey_is_pillow_s(rgb: Pixels) -> None:
    assert np.array_equal(grey_of(rgb), np.asarray(Image.fromarray(rgb).convert("L")))


def test_every_grey_value_of_every_corner_of_the_colours_is_pillow_s() -> None:
    steps = np.arange(0, 256, 5, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(52 * 52, 52, 3)
    assert np.array_equal(grey_of(rgb), np.asarray(Image.fromarray(rgb).convert("L")))


@pytest.mark.parametrize("height", [3, 33, 34, 35, 66, 257, 600])
def test_sums_do_not_depend_on_where_blocks_end(height: int) -> None:
    rgb = random_picture(height, 131, seed=height)
    grey = grey_of(rgb)
    assert sharpness(grey) == pytest.approx(np.std(np.asarray(Image.fromarray(grey).filter(KERNEL))), rel=1e-12)
    assert means(rgb) == pytest.approx(rgb.mean(axis=(0, 1)), rel=1e-12)
    assert spread(rgb).std == pytest.approx(rgb.std(), rel=1e-12)


@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_the_largest_sums_fit(value: int) -> None:
    rgb = np.full((700, 300, 3), value, np.uint8)
    assert (spread(rgb).total, spread(rgb).squares) == (630_000 * value, 630_000 * value**2)
    assert means(rgb).tolist() == [value] * 3


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 3), (48, 33)])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (7, 130, 200)])
def test_a_flat_picture_has_neither_contrast_nor_edges(size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    found = Measured().of(StillPicture(flat(colour, *size)))
    grey = colour[0] == colour[1]
    assert (found["lightly.contrast"], found["lightly.snr"] == 0) == (0, grey)
    # an outermost pixel keeps its grey and an inner one has the response 0, so only pictures without either are even
    assert (found["lightly.sharpness"] == 0) == (colour == (0, 0, 0) or min(size) < 3)
    assert found["lightly.uniformRowRatio"] == (1.0 if min(size) >= 3 else 0.0)


def test_luminance_runs_from_black_to_white() -> None:
    ramp = [Measured(["lightly.luminance"]).of(StillPicture(flat((v, v, v))))["lightly.luminance"] for v in range(256)]
    assert (ramp[0], ramp[-1]) == (0, pytest.approx(100, abs=1e-9))
    assert all(before < after for before, after in pairwise(ramp))
    assert ramp[119] == pytest.approx(50.0, abs=0.2)  # sRGB 119 is known as the middle of L*
    assert max(ramp) <= 100


def test_blurring_takes_sharpness_away() -> None:
    sharp = Image.fromarray(random_picture(360, 480))
    measured = Measured(["lightly.sharpness"])
    values = [
        measured.of(StillPicture(np.asarray(sharp.filter(ImageFilter.GaussianBlur(radius)))))["lightly.sharpness"]
        for radius in (0, 0.7, 1.5, 3)
    ]
    assert values == sorted(values, reverse=True)


def test_rows_that_a_decoder_left_blank_are_seen() -> None:
    rgb = random_picture(300, 400)
    assert uniform_row_ratio(grey_of(rgb)) == 0
    rgb[180:] = 128
    assert uniform_row_ratio(grey_of(rgb)) == pytest.approx(120 / 300, abs=0.01)
    stripes = np.zeros((300, 400, 3), np.uint8)
    stripes[::10] = 255
    assert uniform_row_ratio(grey_of(stripes)) == pytest.approx(0.7, abs=0.01)  # each stripe and its two neighbours
    assert uniform_row_ratio(grey_of(stripes.transpose(1, 0, 2))) == 0  # columns are no rows


class Counting(StillPicture):
    """Counts how often its pixels are asked for."""

    asked = 0

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        self.asked += 1
        return super().rgb(width, height)


def frames(number: int) -> list[Frame]:
    pictures = [Counting(random_picture(6, 8, seed)) for seed in range(number)]
    return [Frame(Mark("v.mp4", index, index, Fraction(1, 25)), picture) for index, picture in enumerate(pictures)]


@pytest.mark.parametrize(("keys", "asked"), [(KEYS, 1), (("lightly.width", "lightly.height"), 0), ((), 0)])
def test_a_picture_is_converted_once_and_only_where_something_needs_it(keys: tuple[str, ...], asked: int) -> None:
    picture = Counting(random_picture(6, 8))
    assert tuple(Measured(keys).of(picture)) == keys
    assert picture.asked == asked


def test_signals_of_one_block_share_their_work_and_tell_their_key() -> None:
    measured = Measured(["lightly.snr", "lightly.sharpness"])
    first, second = frames(5)[:3], frames(5)[2:]
    for block in (first, second, first):
        names = [str(frame.mark.index) for frame in block]
        values = {signal.key: signal.of(block, names) for signal in measured.signals()}
        alone = [measured.of(replace(frame).picture) for frame in block]
        assert values == {key: [row[key] for row in alone] for key in measured.keys}
    assert [frame.picture.asked for frame in first] == [4, 4, 3]  # type: ignore[attr-defined]


def test_an_unknown_key_is_one_line_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"'lightly\.sharpnes' in .*; did you mean 'lightly\.sharpness'"):
        Measured(["lightly.sharpnes"])
    with pytest.raises(UsageError, match=r"no key 'weather' in computed metadata; known: lightly\.contrast, "):
        Measured(["weather"])
