"""What an edge service tells of its work: once a minute, at the end, and in one line how it stands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamsel.edge.showing import journal
from streamsel.edge.showing.journal import Journal
from streamsel.edge.standing import Standing

ZEROS = {"frames": 0, "picks": 0, "dropped": 0, "losses": 0, "segments": 0}


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(journal, "time", made)
    return made


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, dict[str, object]]]]:
    """Gives what was logged so far: kind of line, and facts."""
    caplog.set_level("INFO", "streamsel.daemon")
    return lambda: [(line.message, line.facts) for line in caplog.records]  # type: ignore[attr-defined]


def test_it_says_how_many_are_live(clock: Clock) -> None:
    sources, statuses = [Standing("yard"), Standing("door"), Standing("gate")], []
    kept = Journal(sources, statuses.append)
    kept.turned()
    sources[0].state = sources[2].state = "live"
    kept.turned()
    assert statuses == ["0 of 3 sources live", "2 of 3 sources live"]


def test_once_a_minute_it_tells_what_was_done_in_it(clock: Clock, told) -> None:
    sources = [Standing("yard", frames=1000), Standing("door")]
    kept = Journal(sources, lambda text: None)
    sources[0].frames, sources[1].picks = 1040, 2
    for _ in range(119):
        clock.seconds += 0.5
        kept.turned()
    assert told() == []
    clock.seconds += 0.5
    kept.turned()
    kept.turned()
    assert told() == [("working", {**ZEROS, "frames": 40, "picks": 2, "away": []})]
    clock.seconds += 60
    sources[1].frames, sources[1].dropped, sources[1].losses, sources[0].segments = 7, 3, 1, 4
    kept.turned()
    assert told()[1:] == [("working", {"frames": 7, "picks": 0, "dropped": 3, "losses": 1, "segments": 4, "away": []})]


def test_a_long_turn_is_told_once(clock: Clock, told) -> None:
    kept = Journal([Standing("yard")], lambda text: None)
    clock.seconds += 600
    kept.turned()
    kept.turned()
    assert told() == [("working", {**ZEROS, "away": []})]


def test_it_names_those_that_are_away_for_a_reason(clock: Clock, told) -> None:
    sources = [
        Standing("live", "live"),
        Standing("tried", "connecting", "refused"),
        Standing("paused", "waiting", "refused", away=True),
        Standing("read", "waiting", "1.mp4: cannot be opened"),
        Standing("idle", "waiting"),
        Standing("night", "resting", "refused"),
        Standing("over", "ended"),
    ]
    kept = Journal(sources, lambda text: None)
    clock.seconds += 60
    kept.turned()
    assert told() == [("working", {**ZEROS, "away": ["tried", "paused"]})]


def test_the_last_line_counts_from_the_start(clock: Clock, told) -> None:
    sources = [Standing("yard"), Standing("door")]
    kept = Journal(sources, lambda text: None)
    sources[0].frames, sources[1].frames = 5, 6
    clock.seconds += 60
    kept.turned()
    sources[0].frames = 9
    kept.stopped()
    assert told()[-1] == ("stopped", {**ZEROS, "frames": 15})


def test_frames_whose_sequence_stays_incomplete_are_told_where_there_are_any(clock: Clock, told) -> None:
    sources = [Standing("yard"), Standing("door")]
    kept = Journal(sources, lambda text: None)
    for incomplete in (0, 2, 3, 3):
        sources[1].incomplete = incomplete
        clock.seconds += 60
        kept.turned()
    assert [facts.get("incomplete") for _, facts in told()] == [None, 2, 1, 0]
