"""When frames are due: never early, on time again after a delay, and as a clip's own times say."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.publish.pacing import LONGEST_GAP, Pacing, Rate, rate_of

SLACK = 1e-6


class Hall:
    """A clock that goes on only while somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 100.0
        self.naps = 0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps += 1
        self.now += seconds


def moments(rate: Rate, times: list[float], work: list[float] | None = None) -> list[float]:
    """When each frame was let go, in seconds after the first; work: seconds that each then takes."""
    hall = Hall()
    pacing = Pacing(rate, clock=hall.clock, sleep=hall.sleep)
    found = []
    for time, busy in zip(times, work or [0.0] * len(times), strict=True):
        pacing.wait(time)
        found.append(hall.now - 100.0)
        hall.now += busy
    return found


@given(st.fractions(Fraction(1, 5), 200), st.lists(st.floats(0, 2), min_size=1, max_size=40))
def test_no_frame_is_early_and_none_is_late_but_for_work(rate: Fraction, work: list[float]) -> None:
    found = moments(rate, [0.0] * len(work), work)
    free = 0.0
    for number, moment in enumerate(found):
        due = float(number / rate)
        assert moment >= due - SLACK
        assert moment <= max(due, free) + SLACK
        free = moment + work[number]


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40))
def test_own_times_are_kept_and_gaps_are_bounded(gaps: list[float]) -> None:
    times = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    found = moments("own", times)
    for number in range(1, len(found)):
        gap = min(times[number] - times[number - 1], LONGEST_GAP)
        assert found[number] - found[number - 1] == pytest.approx(gap, abs=1e-3)


def test_times_that_go_back_are_not_waited_for() -> None:
    assert moments("own", [5.0, 4.0, 3.0]) == [0.0, 0.0, 0.0]


def test_the_next_source_follows_at_the_pace_of_the_last() -> None:
    hall = Hall()
    pacing = Pacing("own", clock=hall.clock, sleep=hall.sleep)
    for time in (0.0, 0.5):
        pacing.wait(time)
    pacing.begin()
    pacing.wait(70.0)
    pacing.wait(70.5)
    assert hall.now - 100.0 == pytest.approx(1.5)


def test_as_fast_as_it_goes_is_without_waiting() -> None:
    assert moments("max", [0.0, 100.0, 200.0]) == [0.0, 0.0, 0.0]


def test_who_wants_to_stop_is_heard_soon() -> None:
    hall = Hall()
    pacing = Pacing(Fraction(1, 100), stopping=lambda: hall.naps >= 3, clock=hall.clock, sleep=hall.sleep)
    pacing.wait(0.0)
    pacing.wait(0.0)
    assert hall.now - 100.0 < 1.0


@pytest.mark.parametrize(
    ("text", "rate"),
    [(None, "own"), ("max", "max"), ("5", Fraction(5)), ("0.5", Fraction(1, 2)), ("30000/1001", Fraction(30000, 1001))],
)
def test_rates_are_read(text: str | None, rate: Rate) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["0", "-1", "fast", "1/0", "", "nan", "inf"])
def test_what_is_no_rate_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="no rate"):
        rate_of(text)


def test_how_late_the_last_frame_was_is_known() -> None:
    hall = Hall()
    pacing = Pacing(Fraction(2), clock=hall.clock, sleep=hall.sleep)
    found = []
    for work in (0.1, 2.0, 0.1, 0.1, 0.0, 0.0):
        pacing.wait(0.0)
        found.append(pacing.behind)
        hall.now += work
    assert found == pytest.approx([0.0, 0.0, 1.5, 1.1, 0.7, 0.2])
