from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace, Interpolation

from streamsel.data import Frame, Mark, Pixels
from streamsel.errors import SinkError
from streamsel.sink.clip import encode_clip
from streamsel.testing.sinks import FlatPicture, flat_pick
from streamsel.testing.videos import moving_picture

ANOTHER_PROCESS = """
import hashlib
from streamsel.sink.clip import encode_clip
from streamsel.testing.sinks import flat_pick
print(hashlib.sha256(encode_clip(flat_pick(length=5)[1])).hexdigest())
"""


class StillPixels:
    """A picture of given pixels, in that size only."""

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        self._pixels = pixels

    def i420(self) -> Pixels:
        return np.zeros((96, 64), np.uint8)

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        return self._pixels


def clip_of(times: Sequence[int], base: Fraction = Fraction(1, 90000), size: tuple[int, int] = (48, 32)) -> list[Frame]:
    return [
        Frame(Mark("v.mp4", 7 + i, pts, base), FlatPicture((60 + 20 * i, 90, 160), *size))
        for i, pts in enumerate(times)
    ]


def decoded(clip: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(clip)) as container:
        return list(container.decode(video=0))


def pixels(frame: av.VideoFrame) -> Pixels:
    exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    array: Pixels = frame.reformat(format="rgb24", interpolation=exact).to_ndarray()
    return array


@pytest.mark.parametrize(
    ("base", "times"),
    [
        (Fraction(1, 90000), [1000, 4003, 7006, 10009]),
        (Fraction(1, 25), [0, 1, 2, 7]),
        (Fraction(1, 1), [3, 4, 5, 6]),
        (Fraction(1001, 30000), [10, 11, 13, 20]),
        (Fraction(1, 1_000_000_000), [0, 33_366_667, 66_733_333, 100_100_000]),
    ],
)
def test_times_keep_their_relations_exactly(base: Fraction, times: list[int]) -> None:
    frames = decoded(encode_clip(clip_of(times, base)))
    assert [frame.pts * frame.time_base for frame in frames] == [(pts - times[0]) * base for pts in times]


def test_times_that_do_not_rise_still_give_every_frame() -> None:
    frames = decoded(encode_clip(clip_of([50, 50, 40, 60])))
    assert [frame.pts for frame in frames] == [0, 1, 2, 10]


def test_the_bytes_are_the_same_in_another_process() -> None:
    hashes = [subprocess.check_output([sys.executable, "-c", ANOTHER_PROCESS]) for _ in range(2)]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("size", [(160, 120), (98, 66)])
def test_the_bytes_are_the_same_each_time_wherever_memory_lies(size: tuple[int, int]) -> None:
    shots = [moving_picture(0, step, size) for step in range(4)]
    frames = [Frame(Mark("v.mp4", i, i, Fraction(1, 25)), StillPixels(shot)) for i, shot in enumerate(shots)]
    clips, junk = set(), []
    for turn in range(40):
        clips.add(encode_clip(frames))
        junk.append(bytes([turn]) * (70_000 * (turn % 7 + 1)))
    assert len(clips) == 1


def test_no_creation_time_and_no_encoder_is_told() -> None:
    with av.open(io.BytesIO(encode_clip(flat_pick(length=2)[1]))) as container:
        told = {key for metadata in (container.metadata, container.streams[0].metadata) for key in metadata}
    assert not told & {"creation_time", "encoder"}


@pytest.mark.parametrize("size", [(48, 32), (47, 31), (1, 1), (2, 3)])
def test_pictures_come_back_in_their_colours(size: tuple[int, int]) -> None:
    frames = clip_of([0, 1, 2], size=size)
    width, height = size
    for frame, back in zip(frames, decoded(encode_clip(frames)), strict=True):
        assert (back.width, back.height) == (width + width % 2, height + height % 2)
        assert back.colorspace == Colorspace.ITU709
        assert np.abs(pixels(back)[:height, :width].astype(int) - frame.picture.rgb()).max() <= 4


def test_every_frame_is_as_large_as_the_first() -> None:
    frames = clip_of([0], size=(48, 32)) + clip_of([1], size=(320, 200))
    assert {(frame.width, frame.height) for frame in decoded(encode_clip(frames))} == {(48, 32)}


def test_size_is_a_width() -> None:
    assert {(frame.width, frame.height) for frame in decoded(encode_clip(clip_of([0, 1]), size=24))} == {(24, 16)}


@pytest.mark.parametrize("frames", [clip_of([0], size=(70000, 2)), clip_of([0], base=Fraction(1, 2**33))])
def test_what_cannot_be_a_clip_is_one_line(frames: list[Frame]) -> None:
    with pytest.raises(SinkError, match="cannot be made a clip: use --size, or --format jpg") as caught:
        encode_clip(frames)
    assert "\n" not in str(caught.value)


def test_less_quality_takes_fewer_bytes() -> None:
    rng = np.random.default_rng(0)

    class Noise(FlatPicture):
        def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
            return rng.integers(0, 256, (self.height, self.width, 3), np.uint8)

    frames = [Frame(Mark("v.mp4", i, i, Fraction(1, 25)), Noise((0, 0, 0))) for i in range(2)]
    sizes = [len(encode_clip(frames, quality)) for quality in (1, 50, 95, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


@pytest.mark.parametrize("rate", [5, 25, 60])
def test_the_last_frame_lasts_as_long_as_the_others(rate: int) -> None:
    with av.open(io.BytesIO(encode_clip(clip_of([0, 1, 2, 3], Fraction(1, rate))))) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(4, rate)
        assert stream.average_rate == rate
