from __future__ import annotations

from fractions import Fraction

import pytest

from streamsel.data import Source
from streamsel.decode.looking import Looking
from streamsel.decode.open import open_decoder
from streamsel.decode.scan import count_packets, expected_frames, packet_count
from streamsel.decode.track import Track
from streamsel.errors import SourceError, UsageError
from streamsel.testing.nasty import READABLE
from streamsel.testing.videos import pictures

UNDECODABLE = {"truncated.mp4", "truncated.ts", "damaged.mp4", "late-key.ts"}

REGULAR = (
    *("plain.mp4", "plain.mkv", "mpeg4.avi", "b-frames.avi", "open-gop.mp4", "open-gop.ts", "vp9.webm"),
    *("variable-rate.mp4", "mpeg2.mpg", "late-start.ts", "no-times.h264", "one-frame.mp4"),
)
ABOUT = {"variable-rate.mp4": 2, "mpeg2.mpg": 1}
"""By how many frames index or header are off: an index has times of decoding."""


@pytest.mark.parametrize("name", [name for name in READABLE if name not in UNDECODABLE])
def test_packets_are_frames_in_whole_videos(name, nasty):
    with open_decoder(nasty(name)) as decoder:
        marks = [frame.mark for frame in decoder.read()]
    scan = count_packets(nasty(name))
    assert scan.count == packet_count(nasty(name)) == len(marks)
    if scan.unique and name != "backward-times.avi":
        assert [scan.rank(mark.pts) for mark in marks] == [mark.index for mark in marks]


@pytest.mark.parametrize("name", sorted(UNDECODABLE))
def test_packets_are_at_least_as_many_as_frames(name, nasty):
    with open_decoder(nasty(name)) as decoder:
        frames = len(list(decoder.read()))
    assert packet_count(nasty(name)) >= count_packets(nasty(name)).count >= frames


@pytest.mark.parametrize("name", READABLE)
def test_expected_frames_are_about_right(name, nasty):
    packets, expected = packet_count(nasty(name)), expected_frames(nasty(name))
    assert packets / 2 - 1 <= expected <= 2 * packets


@pytest.mark.parametrize("name", REGULAR)
@pytest.mark.parametrize(("start", "end"), [(0.5, None), (None, 0.71), (0.3, 0.9), (0.5, 0.5), (900, None), (0, 900)])
def test_expected_frames_between_times_are_those_that_come(name, start, end, nasty):
    times = {key: None if value is None else Fraction(str(value)) for key, value in (("start", start), ("end", end))}
    expected = expected_frames(nasty(name), **times)
    try:
        with open_decoder(nasty(name), **times) as decoder:
            assert abs(len(list(decoder.read())) - expected) <= ABOUT.get(name, 0)
    except UsageError:
        assert expected == 0


LOOKING = (Looking(fps=Fraction(5)), Looking(fps=Fraction(30000, 1001)), Looking(keyframes=True), Looking(every=5))


@pytest.mark.parametrize("name", REGULAR)
@pytest.mark.parametrize("looking", LOOKING, ids=str)
@pytest.mark.parametrize("start", [None, Fraction(1, 2)])
def test_expected_frames_are_those_that_are_looked_at(name, looking, start, nasty):
    expected = expected_frames(nasty(name), start, None, looking)
    untimed = name == "no-times.h264" and looking.keyframes and start is not None
    with open_decoder(nasty(name), start=start, looking=looking) as decoder:
        came = len(list(decoder.read()))
    assert came <= expected if untimed else abs(came - expected) <= (looking.every > 1) + ABOUT.get(name, 0)


def test_an_index_saves_reading(nasty, monkeypatch):
    monkeypatch.setattr(Track, "packets", None)
    assert packet_count(nasty("plain.mp4")) == 36
    assert packet_count(nasty("negative-times.mp4")) == 26, "those before time 0 are never shown"


def test_other_kinds(tmp_path):
    assert expected_frames(Source("cam", "rtsp://127.0.0.1/x", "live")) is None
    assert expected_frames(Source("photos", str(pictures(tmp_path, 4)), "images")) == 4
    with pytest.raises(SourceError, match=r"gone.mp4: .*No such file"):
        expected_frames(Source("gone.mp4", str(tmp_path / "gone.mp4")))
