"""Which windows the clock on the wall ends: those that no frame ends any more."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from streamsel.config.edge_source import EdgeSource
from streamsel.edge.inbox import Inbox
from streamsel.edge.standing import Standing, Tally
from streamsel.edge.windows import LATE, Windows
from streamsel.lanes.deciding import Open, Span
from tests.edge.edge_picks import live

HOUR = 3600.0
SPAN = Span(10 * HOUR, 11 * HOUR)
LONG_AGO = SPAN.end + 100 * HOUR
CAMERA = EdgeSource(name="door", url="rtsp://camera/1")
FOLDER = EdgeSource.model_validate({"name": "yard", "folder": "/segments"})


@dataclass
class Opened:
    """A lane with a window, and so many frames looked at, of which one is a pick."""

    open: Open | None
    looked: int = 0

    def __len__(self) -> int:
        return min(1, self.looked)


OPENED = Opened(Open(SPAN, 3))


class Watch:
    """Windows of one source, one of which is open. passed: by a clock that never jumps, since it began."""

    def __init__(self, source: EdgeSource, now: float, state: str = "waiting") -> None:
        self.inbox, self.now, self.passed = Inbox(1 << 20), now, 0.0
        self.standing = Standing(source.name, state=state)  # type: ignore[arg-type]
        clocks = {"now": lambda: self.now, "ticks": lambda: 1e6 + self.passed}
        self.windows = Windows([source], [self.standing], self.inbox, **clocks)

    def over(self, passed: float = 0.0, *, busy: bool = False) -> bool:
        """At the next turn, so much later."""
        self.passed += passed
        return self.windows.over([OPENED], {0} if busy else ()) == [0]  # type: ignore[list-item]

    def behind(self, *taken: float) -> bool:
        """Where frames of these times are at hand."""
        seen = [replace(live(), taken=datetime.fromtimestamp(one, UTC)) for one in taken]
        return self.windows.behind([OPENED], seen) == [0]  # type: ignore[list-item]


def over(source: EdgeSource, now: float, *, state: str = "waiting", waits: bool = False, busy: bool = False) -> bool:
    """When it was calm for a window's length."""
    watch = Watch(source, now, state)
    if waits:
        watch.inbox.put(live(), watch.standing, threading.Event())
    watch.over()
    return watch.over(HOUR, busy=busy)


def test_a_cameras_window_soon_after_its_end() -> None:
    assert not over(CAMERA, SPAN.end)
    assert not over(CAMERA, SPAN.end + LATE - 0.1)
    assert over(CAMERA, SPAN.end + LATE, state="live")
    assert over(CAMERA, SPAN.end + 100 * HOUR, state="starting"), "the first turn of a daemon that was away for days"


def test_a_folders_window_a_window_later_and_when_all_is_read() -> None:
    assert not over(FOLDER, SPAN.end + LATE)
    assert not over(FOLDER, SPAN.end + HOUR - 1)
    assert over(FOLDER, SPAN.end + HOUR)
    assert not over(FOLDER, SPAN.end + 100 * HOUR, state="live")
    assert not over(FOLDER, SPAN.end + 100 * HOUR, state="starting")


def test_not_while_segments_come_one_by_one_as_after_an_outage() -> None:
    """The feed waits between them, and what they show is long ago."""
    watch = Watch(FOLDER, LONG_AGO)
    for _ in range(4):
        assert not watch.over(HOUR - 1, busy=True)
        assert not watch.over(HOUR - 1)
        watch.standing.frames += 10  # they came and went between two turns
        assert not watch.over(10)
    assert not watch.over(HOUR - 1)
    assert watch.over(1)


def test_after_a_restart_a_folder_gets_a_windows_length_too() -> None:
    watch = Watch(FOLDER, LONG_AGO, "starting")
    assert not watch.over()
    watch.standing.state = "waiting"
    assert not watch.over(HOUR - 1)
    assert watch.over(1)


def test_not_while_a_folder_is_away_nor_soon_after() -> None:
    watch = Watch(FOLDER, LONG_AGO)
    watch.standing.away, watch.standing.trouble = True, "/segments: no such file"
    assert not watch.over(10 * HOUR)
    watch.standing.away = False
    assert not watch.over(HOUR - 1)
    assert watch.over(1), "trouble that is no outage, as a segment that broke off, holds up nothing"


@pytest.mark.parametrize("source", [CAMERA, FOLDER])
def test_no_window_of_which_frames_wait(source: EdgeSource) -> None:
    assert not over(source, SPAN.end + 100 * HOUR, waits=True)
    assert not over(source, SPAN.end + 100 * HOUR, busy=True)


def test_a_window_that_the_clock_was_set_back_behind() -> None:
    assert not over(CAMERA, SPAN.begin - 1)
    assert over(CAMERA, SPAN.begin - HOUR - 1)


def test_a_busy_cameras_too_when_its_frames_say_so() -> None:
    """Those that waited since before the clock was set belong to the window, and open no other one that is ahead."""
    watch = Watch(CAMERA, SPAN.begin - 100 * HOUR, "live")
    assert watch.behind(watch.now)
    assert watch.behind(watch.now, SPAN.begin + 1)
    assert not watch.behind(SPAN.begin + 1, watch.now)
    assert not watch.behind()
    watch.now = SPAN.begin + 1
    assert not watch.behind(SPAN.begin - 10 * HOUR), "late, and the clock is as it was"


def test_late_segments_are_no_clock_that_was_set_back() -> None:
    assert not Watch(FOLDER, SPAN.begin - 100 * HOUR, "live").behind(SPAN.begin - 100 * HOUR)


def test_no_window_that_is_not_open() -> None:
    windows = Windows([CAMERA], [Standing("door")], Inbox(1 << 20), now=lambda: 1e12)
    assert windows.over([Opened(None)], ()) == []  # type: ignore[list-item]


def test_what_is_open_is_shown() -> None:
    standings = [Standing("door"), Standing("yard")]
    windows = Windows([CAMERA, FOLDER], standings, Inbox(1 << 20))
    windows.show([Opened(Open(SPAN, 7), 40), Opened(None)])  # type: ignore[list-item]
    assert [one.window for one in standings] == [Open(SPAN, 7), None]
    assert [one.decided for one in standings] == [Tally(40, 1), Tally()]
