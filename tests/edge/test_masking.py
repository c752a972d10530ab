"""Masked pictures: nothing of what is hidden comes out, and nothing else is changed."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.decode.picture import StillPicture, VideoPicture
from streamsel.edge.feeds.masking import Masked
from streamsel.signals.crops import Region
from streamsel.testing.videos import moving_picture

SIZE = (320, 200)


def video_picture(pixels, rotation=0, crop=None):
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format="yuv420p")
    return VideoPicture(frame, rotation, crop)


def another(pixels, part):
    """The same picture with something else in a part."""
    width, height, x, y = part
    changed = pixels.copy()
    changed[y : y + height, x : x + width] ^= 255
    return changed


@st.composite
def parts(draw):
    width, height = draw(st.integers(1, 150)), draw(st.integers(1, 100))
    return width, height, draw(st.integers(0, 319)), draw(st.integers(0, 199))


@settings(max_examples=60)
@given(part=parts(), size=st.sampled_from([None, (224, 224), (64, 40), (33, 17), (640, 400)]), still=st.booleans())
def test_what_is_hidden_changes_nothing(part, size, still):
    shown = moving_picture(0, 0, SIZE)
    kind = StillPicture if still else video_picture
    one, other = (Masked(kind(pixels), [part]) for pixels in (shown, another(shown, part)))
    assert np.array_equal(one.i420(), other.i420())
    assert np.array_equal(one.rgb(*size or ()), other.rgb(*size or ()))


def test_what_is_not_hidden_is_the_original():
    picture = video_picture(moving_picture(1, 0, SIZE))
    masked = Masked(picture, [(100, 50, 0, 0)])
    pixels, plain = masked.rgb(), picture.rgb()
    assert (pixels[:50, :100] == 128).all()
    assert np.array_equal(pixels[60:], plain[60:])
    assert np.array_equal(pixels[:, 110:], plain[:, 110:])
    assert np.array_equal(masked.i420()[20:64], picture.i420()[20:64])
    assert (masked.i420()[:16, :20] == 128).all()
    assert masked.whole is picture


def test_parts_are_where_they_are_in_the_picture_before_the_crop():
    shown = moving_picture(2, 0, SIZE)
    cropped = Masked(video_picture(shown, crop=(200, 100, 100, 100)), [(50, 50, 100, 100), (90, 300, 0, 0)])
    pixels = cropped.rgb()
    assert pixels.shape == (100, 200, 3)
    assert (pixels[:50, :50] == 128).all()
    assert np.array_equal(pixels[60:, 60:], cropped.whole.rgb()[60:, 60:])
    assert np.array_equal(pixels[60:, :50], cropped.whole.rgb()[60:, :50]), "a part beside the crop hides nothing"


def test_parts_stay_where_they_are_when_the_resolution_changes():
    part = (40, 20, 10, 10)
    for size in ((320, 200), (160, 100)):
        pixels = Masked(video_picture(moving_picture(4, 0, size)), [part]).rgb()
        grey = (pixels == 128).all(2)
        assert grey[10:30, 10:50].all()
        assert not grey[40:, 60:].any()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_picture_is_masked_where_it_is_seen(rotation):
    part = (60, 40, 10, 0)
    upright = moving_picture(3, 0, SIZE)
    coded = [np.rot90(pixels, -rotation // 90) for pixels in (upright, another(upright, part))]
    one, other = (Masked(video_picture(pixels, rotation), [part]) for pixels in coded)
    assert (one.width, one.height) == SIZE
    assert (one.rgb()[:40, 10:70] == 128).all()
    assert np.array_equal(one.rgb(224, 224), other.rgb(224, 224))
    assert np.array_equal(one.i420(), other.i420())
    assert (one.i420() != one.whole.i420()).any()


def test_it_is_as_large_and_as_sound_as_the_original():
    picture = video_picture(moving_picture(0, 0, SIZE))
    masked = Masked(picture, [])
    assert (masked.nbytes, masked.damaged) == (picture.nbytes, picture.damaged)
    assert np.array_equal(masked.rgb(), picture.rgb())
    assert np.array_equal(masked.i420(), picture.i420())


def test_unusual_sizes():
    narrow = Masked(StillPicture(moving_picture(0, 0, (3, 90))), [(1, 1, 1, 50)])
    assert narrow.rgb(5, 5).shape == (5, 5, 3)
    assert narrow.i420().shape == (96, 64)
    assert Fraction((narrow.rgb() == 128).all(2).sum().item(), 3 * 90) < 1


@given(part=parts(), beside=st.sampled_from([(10, 10, SIZE[0], 0), (10, 10, 0, SIZE[1]), (5000, 5000, 4000, 4000)]))
def test_a_part_outside_of_the_picture_is_known_to_hide_nothing(part, beside):
    picture = StillPicture(moving_picture(0, 0, SIZE))
    assert not Masked(picture, [part]).idle
    assert Masked(picture, [part, beside]).idle


@settings(max_examples=80)
@given(st.lists(parts(), min_size=1, max_size=3), st.data())
def test_it_hides_what_is_grey_all_over(hidden, data):
    masked = Masked(StillPicture(np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)), hidden)
    left, top = data.draw(st.integers(0, SIZE[0] - 1)), data.draw(st.integers(0, SIZE[1] - 1))
    right, bottom = data.draw(st.integers(left + 1, SIZE[0])), data.draw(st.integers(top + 1, SIZE[1]))
    region = Region(left, top, right, bottom)
    assert masked.hides(region) == bool((region.of(masked.rgb()) == 128).all())
    assert masked.hides(Region(*_whole(hidden[0])))


def _whole(part):
    """Of a part what lies in the picture."""
    width, height, x, y = part
    return x, y, min(x + width, SIZE[0]), min(y + height, SIZE[1])
