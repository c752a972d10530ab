from __future__ import annotations

import math
from bisect import bisect_left
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.decode.looking import Looking, box, seconds
from streamsel.decode.open import open_decoder
from streamsel.errors import UsageError

times = st.lists(st.integers(0, 1_000), min_size=1, unique=True).map(sorted).map(lambda found: [0, *found[1:]])
rates = st.fractions(Fraction(1, 5), Fraction(60), max_denominator=1001)


def looked_at(looking, ticks, time_base):
    gate = looking.gate(time_base)
    return [index for index, tick in enumerate(ticks) if gate(index, tick, ticks[index - 1] if index else None)]


@given(times, rates)
@settings(deadline=None)
def test_fps_takes_the_first_frame_at_or_after_each_grid_time(ticks, fps):
    grid_in_ticks = 100 / fps
    last = math.floor(ticks[-1] / grid_in_ticks)
    wanted = {bisect_left(ticks, math.ceil(number * grid_in_ticks)) for number in range(last + 1)}
    assert looked_at(Looking(fps=fps), ticks, Fraction(1, 100)) == sorted(wanted)


@given(times, rates, st.data())
def test_fps_may_begin_anywhere(ticks, fps, data):
    """Where reading goes on with the frame before known, the same frames are looked at."""
    begin = data.draw(st.integers(1, len(ticks)))
    gate = Looking(fps=fps).gate(Fraction(1, 100))
    tail = [index for index in range(begin, len(ticks)) if gate(index, ticks[index], ticks[index - 1])]
    assert tail == [index for index in looked_at(Looking(fps=fps), ticks, Fraction(1, 100)) if index >= begin]


@given(times, st.integers(1, 7))
def test_every(ticks, every):
    assert looked_at(Looking(every=every), ticks, Fraction(1, 25)) == list(range(0, len(ticks), every))


@pytest.mark.parametrize("wrong", [{"every": 0}, {"fps": Fraction(0)}, {"every": 2, "keyframes": True}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(UsageError):
        Looking(**wrong)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("90", 90), ("90.5", Fraction(181, 2)), ("1:30", 90), ("00:01:30.5", Fraction(181, 2)), (" 2:00:00 ", 7200)],
)
def test_seconds(text, wanted):
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "-5", "1:2:3:4", "soon", "1:-2", "1e400:x", "1/0", "nan", "inf"])
def test_what_is_no_time(text):
    with pytest.raises(UsageError, match="is not a time"):
        seconds(text)


def test_box():
    assert box("640:360:0:120") == (640, 360, 0, 120)
    for text in ("640:360", "0:1:0:0", "1:1:-1:0", "a:b:c:d", "1:1:1:1:1"):
        with pytest.raises(UsageError, match="is not a part"):
            box(text)


def read(source, **options):
    with open_decoder(source, **options) as decoder:
        return [frame.mark for frame in decoder.read()], decoder


@pytest.mark.parametrize("name", ["plain.mp4", "late-start.ts", "backward-times.avi", "no-times.h264"])
@pytest.mark.parametrize("looking", [Looking(every=5), Looking(fps=Fraction(6))])
def test_sparse_looking_keeps_index_time_and_fingerprint(name, looking, nasty):
    everything, _ = read(nasty(name))
    sparse, decoder = read(nasty(name), looking=looking)
    assert decoder.index_exact
    assert 6 <= len(sparse) < len(everything)
    assert set(sparse) <= set(everything)


@pytest.mark.parametrize(
    "name", ["plain.mp4", "plain.mkv", "late-start.ts", "mpeg2.mpg", "open-gop.mp4", "no-times.h264"]
)
def test_key_frames_have_their_rank(name, nasty):
    with open_decoder(nasty(name)) as decoder:
        keys = [frame.mark for frame in decoder.read() if frame.key]
    found, decoder = read(nasty(name), looking=Looking(keyframes=True))
    assert found == keys
    assert [mark.index for mark in found] == [0, 12, 24]
    assert decoder.index_exact == (name == "no-times.h264")


@pytest.mark.parametrize(
    "name", ["plain.mp4", "plain.mkv", "late-start.ts", "open-gop.ts", "variable-rate.mp4", "no-times.h264"]
)
def test_start_and_end_count_from_the_first_frame(name, nasty):
    everything, _ = read(nasty(name))
    zero, last = everything[0].pts, everything[-1].time - everything[0].time
    for start, end in ((0.2, 0.8), (0.0, 0.5), (0.31, None), (0.5, 0.500001)):
        start, end = Fraction(start) * Fraction(last), None if end is None else Fraction(end) * Fraction(last)
        found, decoder = read(nasty(name), start=start, end=end)
        seconds_in = [(mark.pts - zero) * mark.time_base for mark in everything]
        wanted = [m for m, t in zip(everything, seconds_in, strict=True) if t >= start and (end is None or t < end)]
        assert found == wanted
        assert decoder.index_exact == (start == 0 or name == "no-times.h264")


def test_duration_counts_from_start(nasty):
    found, _ = read(nasty("plain.mp4"), start=Fraction(1, 5), duration=Fraction(2, 5))
    assert [mark.index for mark in found] == list(range(5, 15))
    found, _ = read(nasty("plain.mp4"), start=Fraction(1, 5), duration=Fraction(9), end=Fraction(2, 5))
    assert [mark.index for mark in found] == list(range(5, 10))


def test_the_grid_of_fps_does_not_move_with_start(nasty):
    everything, _ = read(nasty("plain.mp4"), looking=Looking(fps=Fraction(7)))
    later, _ = read(nasty("plain.mp4"), looking=Looking(fps=Fraction(7)), start=Fraction(2, 5))
    assert later == [mark for mark in everything if mark.time >= 0.4]


def test_end_before_start_is_refused(nasty):
    with pytest.raises(UsageError, match="no time lies between"):
        open_decoder(nasty("plain.mp4"), start=Fraction(3), end=Fraction(2))
