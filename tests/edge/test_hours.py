"""Hours of the day, in zones with and without summer time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.edge.feeds.hours import Hours

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
TEXTS = st.builds("{}-{}".format, TIMES, TIMES | st.just("24:00"))
ZONES = ("UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0545>-5:45", "EST5EDT,M3.2.0,M11.1.0")


@pytest.fixture(params=ZONES, scope="module")
def zone(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def at(text):
    """A local time of an ordinary day."""
    hour, minute = map(int, text.split(":"))
    return datetime(2026, 6, 10, hour, minute)


@pytest.mark.parametrize(
    ("hours", "open_at", "closed_at"),
    [
        (["07:30-18:00"], ["07:30", "17:59"], ["07:29", "18:00"]),
        (["22:00-06:00"], ["22:00", "00:00", "05:59"], ["06:00", "21:59"]),
        (["08:00-24:00"], ["08:00", "23:59"], ["00:00", "07:59"]),
        (["09:00-09:00"], ["08:59", "09:00", "21:00"], []),
        (["08:00-12:00", "13:00-17:00"], ["11:59", "13:00"], ["12:00", "12:59", "17:00"]),
        ([], ["00:00", "12:00"], []),
    ],
)
def test_when_it_is_open(zone, hours, open_at, closed_at):
    assert all(Hours(hours).open_at(at(text)) for text in open_at)
    assert not any(Hours(hours).open_at(at(text)) for text in closed_at)


@given(hours=st.lists(TEXTS, max_size=3), when=MOMENTS)
def test_it_opens_when_it_says_and_not_a_minute_earlier(zone, hours, when):
    seconds = Hours(hours).until_open(when)
    opening = when + timedelta(seconds=seconds)
    assert seconds >= 0
    assert Hours(hours).open_at(opening)
    assert seconds == 0 or not Hours(hours).open_at(opening - timedelta(microseconds=1))


def test_a_night_of_summer_time_is_an_hour_shorter(monkeypatch):
    monkeypatch.setenv("TZ", ZONES[1])
    time.tzset()
    evening = datetime(2026, 3, 28, 22, 0)
    assert Hours(["06:00-22:00"]).until_open(evening) == 7 * 3600
    assert Hours(["06:00-22:00"]).until_open(evening + timedelta(days=1)) == 8 * 3600
    monkeypatch.undo()
    time.tzset()


def test_hours_that_summer_time_leaves_out_come_a_day_later(monkeypatch):
    monkeypatch.setenv("TZ", ZONES[1])
    time.tzset()
    assert Hours(["02:10-02:50"]).until_open(datetime(2026, 3, 29, 1, 0)) == (24 + 0) * 3600 + 600
    monkeypatch.undo()
    time.tzset()
