from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Box, Pixels
from streamsel.decode.picture import StillPicture
from streamsel.errors import UsageError
from streamsel.signals.area import resized
from streamsel.signals.crops import NO_AREA, OUTSIDE, crop, crop_at, crops_at, region_of

WIDTH, HEIGHT = 60, 40
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)

numbers = st.floats(-80, 80, allow_subnormal=False)
sizes = st.floats(0.01, 90)
boxes = st.builds(Box, numbers, numbers, sizes, sizes)


class Counting(StillPicture):
    asked = 0

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        self.asked += 1
        return super().rgb(width, height)


def touches(box: Box) -> bool:
    return box.x < WIDTH and box.y < HEIGHT and box.x > -box.width and box.y > -box.height


@given(st.integers(0, 59), st.integers(0, 39), st.integers(1, 60), st.integers(1, 40))
def test_whole_numbers_are_cut_as_they_stand(x: int, y: int, width: int, height: int) -> None:
    assert np.array_equal(crop(StillPicture(PIXELS), Box(x, y, width, height)), PIXELS[y : y + height, x : x + width])


@given(boxes, st.floats(0, 2))
def test_a_region_lies_inside_and_is_as_large_as_the_padded_box(box: Box, padding: float) -> None:
    if not touches(box):
        return
    region = region_of(box, WIDTH, HEIGHT, padding)
    for first, last, start, extent, limit in (
        (region.left, region.right, box.x, box.width, WIDTH),
        (region.top, region.bottom, box.y, box.height, HEIGHT),
    ):
        assert 0 <= first < last <= limit
        low = max(start - extent * padding / 2, 0)
        high = min(start + extent * (1 + padding) - extent * padding / 2, limit)
        assert abs(first - low) <= 1
        assert abs(last - high) <= 1
        assert last - first >= 2 or abs((last - first) - (high - low)) <= 1


def test_a_padding_of_a_tenth_makes_a_box_a_tenth_larger() -> None:
    region = region_of(Box(20, 10, 20, 10), WIDTH, HEIGHT, 0.2)
    assert (region.left, region.top, region.right, region.bottom) == (18, 9, 42, 21)
    clipped = region_of(Box(0, 35, 20, 10), WIDTH, HEIGHT, 0.2)
    assert (clipped.left, clipped.top, clipped.right, clipped.bottom) == (0, 34, 22, 40)


@given(boxes, st.floats(0, 1), st.floats(0, 1))
def test_more_padding_never_shows_less(box: Box, one: float, other: float) -> None:
    if not touches(box) or min(box.width, box.height) < 1:
        return
    inner, outer = (region_of(box, WIDTH, HEIGHT, padding) for padding in sorted((one, other)))
    assert inner.left >= outer.left
    assert inner.right <= outer.right
    assert inner.top >= outer.top
    assert inner.bottom <= outer.bottom


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (Box(3, 3, 0, 5), NO_AREA),
        (Box(3, 3, 5, -1), NO_AREA),
        (Box(float("nan"), 3, 5, 5), NO_AREA),
        (Box(3, 3, float("inf"), 5), NO_AREA),
        (Box(60, 3, 5, 5), OUTSIDE),
        (Box(3, -5, 5, 5), OUTSIDE),
        (Box(-100, 3, 5, 5), OUTSIDE),
    ],
)
def test_a_box_that_holds_no_pixel_is_refused_and_counted(box: Box, reason: str) -> None:
    picture = Counting(PIXELS)
    with pytest.raises(UsageError, match=reason):
        crop(picture, box, 0.5)
    refused: Counter[str] = Counter()
    assert crops_at(picture, [box, box], (8, 8), refused=refused) == [None, None]
    assert (refused, picture.asked) == ({reason: 2}, 0)


@pytest.mark.parametrize("padding", [-0.1, float("nan"), float("inf")])
def test_a_padding_must_be_a_share(padding: float) -> None:
    with pytest.raises(UsageError, match="padding must be 0 or more"):
        region_of(Box(1, 1, 5, 5), WIDTH, HEIGHT, padding)


@given(st.lists(boxes, max_size=6), st.floats(0, 1))
def test_boxes_cut_together_are_those_cut_alone_and_the_picture_is_converted_once(
    several: list[Box], padding: float
) -> None:
    picture = Counting(PIXELS)
    refused: Counter[str] = Counter()
    cut = crops_at(picture, several, (16, 12), padding, refused)
    assert picture.asked == (1 if any(map(touches, several)) else 0)
    assert refused.total() == sum(pixels is None for pixels in cut)
    for box, pixels in zip(several, cut, strict=True):
        assert (pixels is not None) == touches(box)
        if pixels is not None:
            assert np.array_equal(pixels, crop_at(picture, box, (16, 12), padding))
            assert np.array_equal(pixels, resized(crop(picture, box, padding), 16, 12))


def test_a_crop_owns_its_pixels() -> None:
    picture = StillPicture(PIXELS)
    cut = crop(picture, Box(0, 0, 5, 5))
    cut[:] = 0
    assert np.array_equal(picture.rgb(), PIXELS)


def test_what_a_box_was_taken_for_changes_nothing() -> None:
    box = Box(3, 4, 20, 10)
    other = replace(box, label="car", score=0.3, index=7, task="t")
    assert np.array_equal(crop(StillPicture(PIXELS), box), crop(StillPicture(PIXELS), other))
