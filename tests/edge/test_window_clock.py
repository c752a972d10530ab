"""Which windows the clock on the wall ends: those that no frame ends any more."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from streamsel.config.edge_source import EdgeSource
from streamsel.edge.inbox import Inbox
from streamsel.edge.standing import Standing
from streamsel.edge.windows import LATE, Windows
from streamsel.service.deciding import Open, Span
from tests.edge.edge_picks import live

HOUR = 3600.0
SPAN = Span(10 * HOUR, 11 * HOUR)
CAMERA = EdgeSource(name="door", url="rtsp://camera/1")
FOLDER = EdgeSource.model_validate({"name": "yard", "folder": "/segments"})


@dataclass
class Opened:
    """A lane with a window."""

    open: Open | None


def over(source: EdgeSource, now: float, *, state: str = "waiting", waits: bool = False, busy: bool = False) -> bool:
    inbox, standing = Inbox(1 << 20), Standing(source.name, state=state)  # type: ignore[arg-type]
    if waits:
        inbox.put(live(), standing, threading.Event())
    windows = Windows([source], [standing], inbox, now=lambda: now)
    return windows.over([Opened(Open(SPAN, 3))], {0} if busy else ()) == [0]  # type: ignore[list-item]


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


@pytest.mark.parametrize("source", [CAMERA, FOLDER])
def test_no_window_of_which_frames_wait(source: EdgeSource) -> None:
    assert not over(source, SPAN.end + 100 * HOUR, waits=True)
    assert not over(source, SPAN.end + 100 * HOUR, busy=True)


def test_a_window_that_the_clock_was_set_back_behind() -> None:
    assert not over(CAMERA, SPAN.begin - 1)
    assert over(CAMERA, SPAN.begin - HOUR - 1)


def test_no_window_that_is_not_open() -> None:
    windows = Windows([CAMERA], [Standing("door")], Inbox(1 << 20), now=lambda: 1e12)
    assert windows.over([Opened(None)], ()) == []  # type: ignore[list-item]


def test_what_is_open_is_shown() -> None:
    standings = [Standing("door"), Standing("yard")]
    windows = Windows([CAMERA, FOLDER], standings, Inbox(1 << 20))
    windows.show([Opened(Open(SPAN, 7)), Opened(None)])  # type: ignore[list-item]
    assert [one.window for one in standings] == [Open(SPAN, 7), None]
