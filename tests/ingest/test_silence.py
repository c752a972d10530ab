"""The clock of a partition: that of its records, which goes on where none come."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streamsel.ingest.silence import LATE, Silence
from streamsel.lanes.deciding import Open, Span

HOUR = 3600.0
BEGIN = 1_700_000_000 // HOUR * HOUR


class Watched:
    """One partition, and seconds that pass."""

    def __init__(self) -> None:
        self.seconds, self.latest, self.begin, self.lag, self.position = 0.0, BEGIN + 60, BEGIN, {0: 0}, 1
        self._silence = Silence(lambda: self.seconds)

    def over(self, seconds: float = 0.0) -> dict[int, float]:
        """What is over after so long, in which is looked each second."""
        while seconds > 1:
            self.look(1)
            seconds -= 1
        return self.look(seconds)

    def look(self, seconds: float) -> dict[int, float]:
        self.seconds += seconds
        span = Span(self.begin, self.begin + HOUR)
        lane: Any = SimpleNamespace(open=Open(span, 1, self.latest), position=self.position)
        return self._silence.over({0: lane}, self.lag)


def test_it_ends_when_its_own_clock_says_so_however_old_its_records_are() -> None:
    watched = Watched()
    assert not watched.over()
    assert not watched.over(HOUR - 60 + LATE - 1)
    assert watched.over(1) == {0: BEGIN + HOUR + LATE}


def test_a_record_sets_the_clock() -> None:
    """A replay that sends old records as slowly as they once came has its windows ended by records."""
    watched = Watched()
    for minute in range(60):
        watched.latest = BEGIN + 60 * minute
        assert not watched.over(60)
    assert watched.over(60 + LATE)


def test_a_late_record_does_not_set_it_back_and_stops_it() -> None:
    watched = Watched()
    watched.over()
    assert not watched.over(HOUR - 60 + LATE - 1)
    for _ in range(100):
        watched.position += 1
        assert not watched.over(1)
    assert watched.over(1)


def test_not_while_records_lie_unread() -> None:
    watched = Watched()
    watched.lag = {0: 3}
    assert not watched.over()
    assert not watched.over(2 * HOUR)
    watched.lag = {}
    assert not watched.over()
    watched.lag = {0: 0}
    assert watched.over()


def test_a_process_that_stood_still_has_not_looked() -> None:
    watched = Watched()
    watched.over()
    assert not watched.look(2 * HOUR)
    assert not watched.over(HOUR - 70)
    assert watched.over(70)


def test_the_next_window_has_a_clock_of_its_own() -> None:
    watched = Watched()
    watched.over()
    assert watched.over(2 * HOUR)
    watched.begin, watched.latest = BEGIN + HOUR, BEGIN + HOUR
    assert not watched.over()
    assert not watched.over(HOUR)
    assert watched.over(LATE)
