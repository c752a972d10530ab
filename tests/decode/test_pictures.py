"""Pictures: the sample is where it should be, colours and turns are right, whatever the pixel format and size."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.decode.open import open_decoder
from streamsel.decode.picture import StillPicture, VideoPicture
from streamsel.decode.scaling import scale
from streamsel.errors import UsageError
from streamsel.testing.videos import moving_picture

# fmt: off
FORMATS = [
    "yuv420p", "yuvj420p", "yuva420p", "yuv422p", "yuv444p", "yuvj444p", "yuv440p", "yuv411p", "yuv410p",
    "nv12", "nv21", "yuyv422", "uyvy422", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv420p16le",
    "yuva420p10le", "gray", "gray10le", "gray12le", "gray16le", "p010le", "rgb24", "bgr24", "rgba", "bgra",
    "gbrp", "gbrp10le", "rgb48le", "rgb565le", "monob", "ya8",
]
# fmt: on
COLOURLESS = ("gray", "mono", "ya8")

sizes = st.tuples(st.integers(2, 200), st.integers(2, 200))


def slope(width, height):
    """A smooth picture, in which neighbouring pixels hardly differ."""
    across, down = np.meshgrid(np.linspace(40, 200, width), np.linspace(30, 180, height))
    return np.stack([across, down, (across + down) / 2], axis=2).astype(np.uint8)


def frame_of(pixels, pixel_format="yuv420p"):
    return VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format=pixel_format)


def split(sample):
    return sample[:64], sample[64:80].reshape(32, 32), sample[80:].reshape(32, 32)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_sample_of_each_format_is_that_of_yuv420p(pixel_format):
    pixels = slope(320, 240)
    wanted = split(VideoPicture(frame_of(pixels)).i420())
    found = split(VideoPicture(frame_of(pixels, pixel_format)).i420())
    coarse = pixel_format in ("monob", "rgb565le")
    for plane, (one, other) in enumerate(zip(found, wanted, strict=True)):
        if plane and pixel_format.startswith(COLOURLESS):
            assert np.abs(one.astype(int) - 128).max() <= 1
        elif not coarse:
            difference = np.abs(one.astype(float) - other).mean()
            assert difference < (16 if "j" in pixel_format or pixel_format.startswith("gray") else 2.5), plane


def test_a_palette():
    indexes = moving_picture(6, 0, (80, 60))[:, :, 0]
    palette = np.zeros((256, 4), np.uint8)
    palette[:, 0], palette[:, 1:] = 255, np.arange(256)[:, None]  # opaque greys
    picture = VideoPicture(VideoFrame.from_ndarray((indexes, palette), format="pal8"))
    assert np.array_equal(picture.rgb(), indexes[:, :, None].repeat(3, axis=2))
    assert np.abs(split(picture.i420())[1].astype(int) - 128).max() <= 1


def test_sample_of_64_by_64_is_the_frame_itself():
    frame = frame_of(moving_picture(0, 0, (64, 64)))
    assert np.array_equal(VideoPicture(frame).i420(), frame.to_ndarray())


@given(sizes)
@settings(max_examples=50, deadline=None)
def test_sample_is_taken_from_the_middle_of_equal_parts(size):
    width, height = size
    frame = frame_of(moving_picture(1, 0, size))
    luma = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, frame.planes[0].line_size)
    rows = (2 * np.arange(64) + 1) * height // 128
    columns = (2 * np.arange(64) + 1) * width // 128
    assert np.array_equal(VideoPicture(frame).i420()[:64], luma[np.ix_(rows, columns)])


@given(sizes, st.data())
@settings(max_examples=50, deadline=None)
def test_sample_of_a_crop_is_that_of_the_part(size, data):
    width, height = size
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    crop = (data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)), x, y)
    grey = moving_picture(2, 0, size)[:, :, 0]
    whole = VideoFrame.from_ndarray(np.ascontiguousarray(grey), format="gray")
    part = VideoFrame.from_ndarray(np.ascontiguousarray(grey[y : y + crop[1], x : x + crop[0]]), format="gray")
    assert np.array_equal(VideoPicture(whole, 0, crop).i420(), VideoPicture(part).i420())


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (1, 7), (5, 3), (64, 2), (131, 77)])
def test_tiny_and_odd_sizes(size):
    width, height = size
    for picture in (StillPicture(slope(width, height)), VideoPicture(frame_of(slope(width, height), "yuv444p"))):
        assert (picture.width, picture.height) == size
        assert picture.i420().shape == (96, 64)
        assert picture.rgb().shape == (height, width, 3)
        assert picture.rgb(224, 224).shape == (224, 224, 3)


def test_rgb_is_pyav_s():
    frame = frame_of(moving_picture(3, 0, (321, 243)), "yuv444p")
    assert np.array_equal(VideoPicture(frame).rgb(), frame.to_ndarray(format="rgb24", interpolation="AREA"))


@pytest.mark.parametrize("size", [(8, 6), (40, 30), (160, 120)])
def test_rgb_is_area_scaled(size):
    """AREA scaling is the mean of the pixels that fall into one."""
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 1)).repeat(3, axis=2).astype(np.uint8)
    means = pixels.reshape(height, 480 // height, width, 640 // width, 3).mean(axis=(1, 3))
    for picture in (StillPicture(pixels), VideoPicture(frame_of(pixels, "gray"))):
        assert np.abs(picture.rgb(width, height) - means).max() < 3


@pytest.mark.parametrize(("rotation", "quarters"), [(90, 1), (180, 2), (270, 3), (-90, 3), (-180, 2), (360, 0)])
def test_turned_pictures(rotation, quarters):
    frame = frame_of(moving_picture(4, 0, (60, 40)))
    picture = VideoPicture(frame, rotation)
    upright = np.rot90(VideoPicture(frame).rgb(), quarters)
    assert (picture.height, picture.width) == upright.shape[:2]
    assert np.array_equal(picture.rgb(), upright)
    assert picture.rgb(30, 20).shape == (20, 30, 3)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_crop_is_cut_from_the_upright_picture(rotation):
    frame = frame_of(moving_picture(5, 0, (60, 40)), "yuv444p")
    crop = (20, 15, 7, 9)
    picture = VideoPicture(frame, rotation, crop)
    whole = VideoPicture(frame, rotation).rgb()
    assert (picture.width, picture.height) == (20, 15)
    assert np.array_equal(picture.rgb(), whole[9:24, 7:27])
    grey = VideoPicture(frame, rotation, crop).i420()[:64].astype(float)
    cut = StillPicture(np.ascontiguousarray(np.rot90(whole[9:24, 7:27], -rotation // 90))).i420()[:64]
    assert np.abs(grey - cut).mean() < 3


def test_players_turn_clips_the_same_way(nasty):
    """A display matrix of (0, 1, -1, 0), an upright phone's, says: a quarter to the right (ISO 14496-12, 6.2.2)."""
    pictures = {}
    for name in ("plain.mp4", "turned-90.mp4", "turned-180.mp4", "turned-270.mp4"):
        with open_decoder(nasty(name)) as decoder:
            pictures[name] = next(decoder.read()).picture.rgb()
    for quarters, name in ((1, "turned-90.mp4"), (2, "turned-180.mp4"), (3, "turned-270.mp4")):
        assert np.array_equal(pictures[name], np.rot90(pictures["plain.mp4"], quarters))


@pytest.mark.parametrize(
    "name", ["alpha.mov", "grey.mkv", "grey-16.mkv", "ten-bit-hevc.mp4", "rgb.mp4", "bottom-up.avi"]
)
def test_colours_survive(name, nasty):
    with open_decoder(nasty(name)) as decoder:
        found = next(decoder.read()).picture.rgb().astype(float)
    wanted = moving_picture(0, 0).astype(float)
    if name.startswith("grey"):
        wanted = (wanted @ [0.299, 0.587, 0.114])[:, :, None].repeat(3, axis=2)
    assert np.abs(found - wanted).mean() < 6


def test_pictures_too_large_are_refused():
    with pytest.raises(UsageError, match="cannot be made"):
        scale(frame_of(slope(8, 8)), 1 << 15, 1 << 15, "rgb24")


def test_bytes_held():
    assert VideoPicture(frame_of(slope(64, 32))).nbytes == 64 * 32 * 3 // 2
    assert VideoPicture(frame_of(slope(64, 32), "yuv444p16le")).nbytes == 64 * 32 * 6
    assert StillPicture(slope(64, 32)).nbytes == 64 * 32 * 3


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("size", [(37, 23), (64, 32)])
def test_what_is_stored_tells_pictures_apart(pixel_format, size):
    pixels = slope(*size)
    changed = pixels.copy()
    changed[-8:, -8:] = 255 - changed[-8:, -8:]
    frame = frame_of(pixels, pixel_format)  # made once: swscale leaves the last column of odd widths as it was
    one, again, other = told(frame), told(frame), told(frame_of(changed, pixel_format))
    assert one == again
    assert one != other


def test_what_is_stored_says_how_it_is_shown():
    frame = frame_of(slope(40, 30))
    crop = (20, 15, 7, 9)
    assert len({told(frame, turn)[0] for turn in (0, 90, 180, 270)}) == 4
    how, (cut,) = VideoPicture(frame, 90, crop).stored()
    assert how == "rgb24 20x15"
    assert np.array_equal(cut, VideoPicture(frame, 90, crop).rgb())
    tagged = frame_of(slope(40, 30))
    tagged.color_range = 2
    assert told(tagged)[1] == told(frame)[1]
    assert told(tagged)[0] != told(frame)[0]


def told(frame, rotation=0):
    how, samples = VideoPicture(frame, rotation).stored()
    return how, [plane.tobytes() for plane in samples]


def test_a_sample_cannot_be_written_to():
    for picture in (StillPicture(slope(9, 9)), VideoPicture(frame_of(slope(9, 9), "yuv444p"))):
        with pytest.raises(ValueError, match="read-only"):
            picture.i420()[0, 0] = 1


def test_a_still_picture_checks_its_shape():
    with pytest.raises(ValueError, match=r"\(4, 4\) uint8"):
        StillPicture(np.zeros((4, 4), np.uint8))
