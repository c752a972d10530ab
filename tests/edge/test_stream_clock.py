"""The clock of a live stream: near the wall's, whatever the stream's own times do, and backwards only with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Mark
from streamsel.edge.feeds.clock import StreamClock

BASE = Fraction(1, 90_000)
NOON = 1_795_000_000.0
WRAP = 2**33 / 90_000


def mark(seconds, index=0):
    return Mark("camera", index, round(seconds / BASE), BASE)


def told(frames):
    """Seconds since NOON that the clock tells of (wall, stream) frames, and its jumps."""
    walls = iter([NOON + wall for wall, _ in frames])
    clock = StreamClock(lambda: next(walls))
    times = [clock.taken(mark(stream)) for _, stream in frames]
    return [(time - datetime.fromtimestamp(NOON, UTC)).total_seconds() for time in times], clock.jumps


def real_time(seconds, stream, *, begin=0.0, step=0.1, speed=1.0):
    """Frames that come as they are taken: stream times from `stream` on."""
    return [(begin + n * step, stream + n * step * speed) for n in range(int(seconds / step))]


@st.composite
def streams(draw):
    """Stretches of real time, each with times of its own, a drift and delays; between them gaps on the wall."""
    frames, begin = [], 0.0
    for _ in range(draw(st.integers(1, 5))):
        stream = draw(st.floats(0, 1e6) | st.just(0.0))
        step = draw(st.sampled_from([0.04, 0.2, 1.0, 3.0]))
        stretch = real_time(20 * step, stream, begin=begin, step=step, speed=draw(st.floats(0.9, 1.2)))
        delays = draw(st.lists(st.floats(0, 0.4), min_size=len(stretch), max_size=len(stretch)))
        frames += [(wall + delay, time) for (wall, time), delay in zip(stretch, delays, strict=True)]
        begin = frames[-1][0] + draw(st.floats(0, 60))
    walls = [max(wall for wall, _ in frames[: n + 1]) for n in range(len(frames))]
    return [(wall, stream) for wall, (_, stream) in zip(walls, frames, strict=True)]


@given(streams())
def test_never_backwards_never_ahead_and_within_a_second(frames):
    times, _ = told(frames)
    assert all(after >= before for before, after in pairwise(times))
    assert all(-1e-5 < wall - time < 1 for time, (wall, _) in zip(times, frames, strict=True))


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_backwards_only_where_the_wall_clock_was_set_back_by_more_than_a_minute(frames):
    times, jumps = told(frames)
    back = 0
    for (before, after), (wall, _) in zip(pairwise(times), frames[1:], strict=True):
        assert after <= wall + 60 + 1e-3
        assert (after < before) <= (after == pytest.approx(wall, abs=1e-3) and before - wall > 60 - 1e-3)
        back += after < before
    assert back <= jumps


def test_the_first_frames_may_say_nothing():
    frames = [(0.0, 0.0), (0.1, 0.0), *real_time(5, 40_000, begin=0.2)]
    times, jumps = told(frames)
    assert jumps == 1
    assert all(abs(wall - time) < 0.11 for time, (wall, _) in zip(times, frames, strict=True))


def test_restarts_and_wraps_are_counted():
    frames = [*real_time(5, WRAP - 5), *real_time(5, 0, begin=5), *real_time(5, 7_000, begin=10)]
    times, jumps = told(frames)
    assert jumps == 2
    assert all(abs(wall - time) < 1e-3 for time, (wall, _) in zip(times, frames, strict=True))


def test_a_gap_is_a_gap_and_no_jump():
    times, jumps = told([*real_time(5, 100), *real_time(5, 165, begin=65)])
    assert jumps == 0
    assert max(after - before for before, after in pairwise(times)) > 59


def test_what_comes_late_in_a_burst_keeps_its_time():
    taken = real_time(20, 500)
    frames = [(max(wall, 13.0) if wall > 10 else wall, stream) for wall, stream in taken]
    times, jumps = told(frames)
    assert jumps == 0
    assert all(abs(time - wall) < 1e-3 for time, (wall, _) in zip(times, taken, strict=True))


def test_a_drift_of_days_is_followed():
    frames = real_time(86_400, 0, step=10, speed=1.0003)
    times, jumps = told(frames)
    assert jumps == 0
    assert all(0 <= wall - time + 1e-5 < 0.1 for time, (wall, _) in zip(times, frames, strict=True))


def test_a_stream_that_stood_still_is_brought_up_again():
    frames = [*real_time(5, 0), *real_time(10, 5, begin=8), *real_time(10, 15, begin=60)]
    times, jumps = told(frames)
    assert jumps == 1, "three seconds are a delay at first, forty are none"
    assert times[-1] == frames[-1][0]
    late = [wall - time for time, (wall, _) in zip(times, frames, strict=True) if 13 < wall < 18]
    assert max(late) < 1e-3


def test_a_wall_clock_that_is_set():
    forward = [*real_time(5, 0), *real_time(5, 5, begin=3605)]
    times, jumps = told(forward)
    assert jumps == 1
    assert times[-1] == forward[-1][0]
    back = [*real_time(5, 0), *real_time(5, 5, begin=-10)]
    times, jumps = told(back)
    assert jumps == 1
    assert times[-1] == times[49], "it waits until the wall has caught up"


@pytest.mark.parametrize("years", [10, 60 / 365 / 86_400 * 1.1])
def test_a_wall_clock_that_was_far_ahead_and_is_set_right(years):
    back = [*real_time(5, 0), *real_time(5, 5, begin=5 - years * 365 * 86_400)]
    times, jumps = told(back)
    assert jumps == 1
    assert all(abs(wall - time) < 1e-3 for time, (wall, _) in zip(times, back, strict=True))


def test_a_wall_clock_that_is_set_back_step_by_step():
    frames = [*real_time(5, 0)]
    for step in range(30):
        frames += real_time(1, 5 + step, begin=5 - 3 * step)
    times, jumps = told(frames)
    assert jumps >= 1
    assert frames[-1][0] - 1e-3 <= times[-1] <= frames[-1][0] + 60, "it is never more than a minute ahead"


def test_times_are_utc():
    assert StreamClock(lambda: NOON).taken(mark(5)).utcoffset() == timedelta(0)
