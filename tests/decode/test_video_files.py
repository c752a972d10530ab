"""What a video file gives: every picture that can be decoded, in place, and problems counted; or one clear line."""

from __future__ import annotations

import errno
import shutil
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from av.error import err_check

from streamsel.data import Source
from streamsel.decode.open import open_decoder
from streamsel.decode.track import Track
from streamsel.errors import DiskError, SourceError, UsageError
from streamsel.testing.nasty import READABLE, UNREADABLE
from streamsel.testing.videos import scenes

PROBLEMS = {
    "backward-times.avi": {"backward pts"},
    "no-times.h264": {"missing pts"},
    "no-times.hevc": {"missing pts"},
    "repeated-times.mkv": {"repeated pts"},
    "sizes-change.h264": {"missing pts", "resolution change"},
    "sizes-change.ts": {"backward pts", "resolution change"},
    "times-restart.mpg": {"backward pts"},
    "times-restart.ts": {"backward pts"},
    "truncated.mp4": {"truncated"},
}
PYAV_FAILS = {"empty-packets.ogm": 36, "truncated.mp4": 12, "damaged.mp4": 24}
"""Where PyAV's own loop stops early or loses pictures; how many there are at least."""


def read(source):
    with open_decoder(source) as decoder:
        return [frame.mark for frame in decoder.read()], decoder.problems


@pytest.mark.parametrize("name", READABLE)
def test_frames_are_those_of_pyav(name, nasty):
    marks, _ = read(nasty(name))
    assert [mark.index for mark in marks] == list(range(len(marks)))
    if name in PYAV_FAILS:
        assert PYAV_FAILS[name] <= len(marks) <= 36
        return
    with av.open(nasty(name).location) as container:
        times = [frame.pts for frame in container.decode(video=0)]
    assert len(marks) == len(times)
    if None not in times:
        assert [mark.pts for mark in marks] == times


def test_damage_is_counted(nasty):
    marks, problems = read(nasty("damaged.mp4"))
    assert problems.keys() <= {"bad packet", "damaged picture"}
    assert len(marks) + problems["bad packet"] == 36


def test_damaged_pictures_say_so(nasty):
    with open_decoder(nasty("damaged.mp4")) as decoder:
        damaged = [frame.picture.damaged for frame in decoder.read()]
        assert sum(damaged) == decoder.problems["damaged picture"] > 0


def test_a_damaged_video_is_read_on(nasty):
    with open_decoder(nasty("damaged.mp4")) as decoder:
        marks = [frame.mark for frame in decoder.read()]
        for place in range(0, len(marks), 4):
            found = [(frame.mark.index, frame.mark.pts) for frame in decoder.read(marks[place])]
            assert found == [(mark.index, mark.pts) for mark in marks[place + 1 :]]


@pytest.mark.parametrize("name", [name for name in READABLE if name != "damaged.mp4"])
def test_problems_are_counted(name, nasty):
    assert set(read(nasty(name))[1]) == PROBLEMS.get(name, set())


def test_missing_times_follow_the_frame_rate(nasty):
    marks, problems = read(nasty("no-times.h264"))
    assert problems["missing pts"] == len(marks)
    assert all((later.pts - mark.pts) * mark.time_base == Fraction(1, 25) for mark, later in pairwise(marks))


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_video_is_one_line(name, nasty):
    source = nasty(name)
    with pytest.raises(SourceError) as caught:
        open_decoder(source)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    assert str(Path(source.location).parent) not in message


def test_libav_says_nothing_on_the_terminal(nasty, capfd):
    for name in ("damaged.mp4", "truncated.ts", "late-key.ts"):
        read(nasty(name))
    with pytest.raises(SourceError):
        open_decoder(nasty("noise.mp4"))
    assert capfd.readouterr() == ("", "")


def test_a_video_beside_sound_and_cover_art(tmp_path, nasty):
    path = tmp_path / "song.mp4"
    with av.open(nasty("motion-jpeg.mov").location) as cover, av.open(str(path), "w") as output:
        picture = next(packet for packet in cover.demux(video=0) if packet.size)
        stream = output.add_stream_from_template(cover.streams.video[0])
        stream.disposition = av.stream.Disposition.attached_pic
        picture.stream = stream
        output.mux(picture)
    with pytest.raises(SourceError, match="no video"):
        open_decoder(Source("song.mp4", str(path)))


def test_a_changed_file_is_told(tmp_path):
    path = scenes(tmp_path / "clip.mp4", (0, 1))
    marks, _ = read(Source("clip.mp4", str(path)))
    shutil.copy(scenes(tmp_path / "other.mp4", (5, 6)), path)
    with open_decoder(Source("clip.mp4", str(path))) as decoder:
        with pytest.raises(SourceError, match="changed"):
            list(decoder.fetch(marks[3:5]))
        with pytest.raises(SourceError, match="changed"):
            next(decoder.read(marks[9]))


def test_a_deleted_file_is_told(tmp_path):
    path = scenes(tmp_path / "clip.mp4", (0,))
    with open_decoder(Source("clip.mp4", str(path))) as decoder:
        marks = [frame.mark for frame in decoder.read()]
        path.unlink()
        with pytest.raises(SourceError, match=r"clip.mp4: .*No such file"):
            list(decoder.fetch(marks))


def test_closing_ends_what_is_being_read(nasty):
    decoder = open_decoder(nasty("plain.mp4"))
    reading = decoder.read()
    first = next(reading)
    decoder.close()
    assert list(reading) == [] or len(list(reading)) < 35
    assert first.picture.rgb().any()
    with pytest.raises(UsageError, match="closed"):
        next(decoder.read())


def test_crop_must_lie_inside(nasty):
    with pytest.raises(SourceError, match="160 x 120"):
        open_decoder(nasty("plain.mp4"), crop=(100, 100, 61, 0))
    with open_decoder(nasty("sizes-change.ts"), crop=(150, 100, 0, 0)) as decoder:
        frames = decoder.read()
        assert len([next(frames) for _ in range(36)]) == 36
        with pytest.raises(SourceError, match="96 x 64"):
            next(frames)


def test_names_with_a_colon_are_files(tmp_path):
    for name in ("http:clip.mp4", "12:30.mp4", "%03d.mp4", "-.mp4"):
        assert len(read(Source(name, str(scenes(tmp_path / name, (0,)))))[0]) == 12


def test_thousands_of_tiny_files_leave_nothing_open(tmp_path):
    path = scenes(tmp_path / "tiny.mkv", (0,), 1, size=(16, 16), codec="ffv1")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(1000):
        with open_decoder(Source("tiny.mkv", str(path))) as decoder:
            assert len(list(decoder.read())) == 1
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_a_share_that_goes_away_is_no_damage(nasty, monkeypatch):
    """A stale handle of a network file system, in the midst of a file."""
    track = Track(nasty("truncated.mp4").location, "a.mp4")
    whole = track._container

    def lost(stream):
        yield from islice(whole.demux(stream), 5)
        err_check(-errno.ESTALE)

    monkeypatch.setattr(track, "_container", SimpleNamespace(demux=lost, close=whole.close))
    with pytest.raises(DiskError, match=r"a\.mp4: was lost \(Stale file handle\)"):
        list(track.frames())
    track.close()
