"""Seeking is used where it can be trusted, decodes no more than it must, and is given up where it cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamsel.data import Source
from streamsel.decode.open import open_decoder
from streamsel.decode.tape import Tape
from streamsel.decode.track import Track
from streamsel.testing.nasty import READABLE
from streamsel.testing.videos import scenes

COUNTED = {  # by reading from the start
    "no-times.h264",
    "no-times.hevc",
    "repeated-times.mkv",
    "sizes-change.h264",
    "sizes-change.ts",
    "times-restart.mpg",
    "times-restart.ts",
    "damaged.mp4",
}


@pytest.fixture
def decoded(monkeypatch):
    """A list that grows by one with each frame that is decoded."""
    frames, done = Track.frames, []

    def counted(self, needed=None):
        for frame in frames(self, needed):
            done.append(frame.pts)
            yield frame

    monkeypatch.setattr(Track, "frames", counted)
    return done


@pytest.mark.parametrize("name", [name for name in READABLE if name not in COUNTED])
def test_any_frame_is_found_by_seeking(name, nasty, monkeypatch):
    with open_decoder(nasty(name)) as decoder:
        marks = [frame.mark for frame in decoder.read()]
        monkeypatch.setattr(Tape, "count_to", None)
        assert [frame.mark for frame in decoder.fetch(marks)] == marks
        for place in range(0, len(marks), 5):
            assert [frame.mark for frame in decoder.fetch(marks[place : place + 1])] == marks[place : place + 1]
            assert [frame.mark for frame in decoder.read(marks[place])] == marks[place + 1 :]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "avi"])
def test_each_group_of_pictures_is_decoded_once(ending, tmp_path, decoded):
    codec = "mpeg4" if ending == "avi" else "libx264"
    path = scenes(tmp_path / f"clip.{ending}", range(10), 20, gop=20, codec=codec, size=(64, 48))
    with open_decoder(Source("clip", str(path)), threads=1) as decoder:
        marks = [frame.mark for frame in decoder.read()]
        decoded.clear()
        wanted = [marks[index] for index in (5, 9, 15, 61, 62, 199)]
        assert [frame.mark for frame in decoder.fetch(wanted)] == wanted
    stretches = 16 + 3 + 20
    assert len(decoded) <= stretches + 6 * 3, "decoded more than the stretches from key frames to marks"


def test_reading_on_does_not_start_at_the_beginning(tmp_path, decoded):
    path = scenes(tmp_path / "clip.mp4", range(10), 20, gop=20, size=(64, 48))
    with open_decoder(Source("clip", str(path)), threads=1) as decoder:
        marks = [frame.mark for frame in decoder.read()]
        decoded.clear()
        assert len(list(decoder.read(marks[185]))) == 14
    assert len(decoded) <= 20 + 20


def test_frames_that_no_frame_refers_to_are_skipped(tmp_path, decoded):
    path = scenes(
        tmp_path / "clip.mp4", range(2), 50, gop=100, options={"x264-params": "bframes=3:b-adapt=0:scenecut=0"}
    )
    with open_decoder(Source("clip", str(path)), threads=1) as decoder:
        marks = [frame.mark for frame in decoder.read()]
        decoded.clear()
        assert [frame.mark for frame in decoder.fetch([marks[90]])] == [marks[90]]
    assert len(decoded) < 60


def test_unknown_fingerprints_are_trusted_by_time(nasty):
    with open_decoder(nasty("plain.mp4")) as decoder:
        marks = [replace(frame.mark, check=0) for frame in decoder.read()]
        assert [frame.mark for frame in decoder.fetch(marks[4:6])] == marks[4:6]
        assert next(decoder.read(marks[7])).mark.index == 8
