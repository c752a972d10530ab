from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.report import Progress
from streamsel.report.bar import BarProgress
from streamsel.report.pace import WINDOW, Pace
from streamsel.report.progress import JsonProgress, LineProgress, QuietProgress
from streamsel.report.suited import open_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


class GoneTerminal(Gone):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_that_cannot_draw_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert type(open_progress(stream=Terminal())) is LineProgress


def test_it_suits_where_it_is_told() -> None:
    assert type(open_progress(quiet=True, as_json=True, stream=Terminal())) is QuietProgress
    assert type(open_progress(as_json=True, stream=Terminal())) is JsonProgress
    assert type(open_progress(stream=io.StringIO())) is LineProgress
    assert type(open_progress(stream=Terminal())) is BarProgress


@pytest.mark.parametrize("total", [None, 100])
@pytest.mark.parametrize("stream", [io.StringIO, Terminal, Gone, GoneTerminal])
@pytest.mark.parametrize("options", [{}, {"quiet": True}, {"as_json": True}])
def test_every_progress_takes_updates_and_closes(
    total: int | None, stream: type[io.StringIO], options: dict[str, bool]
) -> None:
    progress = open_progress(total, stream=stream(), **options)
    assert isinstance(progress, Progress)
    with progress:
        for frames in range(0, 120, 10):
            progress.update(frames, frames // 20, "looking")
    progress.close()


def test_lines_come_now_and_then_at_a_new_stage_and_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, 6000, clock) as progress:
        for second in range(25):
            clock.now += 1
            progress.update(100 * second, second, "looking")
        progress.update(2400, 24, "writing")
        clock.now += 1
        progress.update(2400, 25, "writing")
    assert stream.getvalue().splitlines() == [
        "looking: 0 of 6,000 frames, 0 frames/s, 0 kept",
        "looking: 1,000 of 6,000 frames, 100 frames/s, 10 kept, 0:50 left",
        "looking: 2,000 of 6,000 frames, 100 frames/s, 20 kept, 0:40 left",
        "writing: 2,400 of 6,000 frames, 0 frames/s, 24 kept",
        "writing: 2,400 of 6,000 frames, 0 frames/s, 25 kept",
    ]


def test_each_stage_counts_for_itself() -> None:
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, 6000, clock) as progress:
        progress.update(6000, 0, "watching")
        progress.update(0, 0, "judging", 96)
        clock.now += 10
        progress.update(24, 0, "judging", 96)
    assert stream.getvalue().splitlines()[1:] == [
        "judging: 0 of 96 frames, 0 frames/s, 0 kept",
        "judging: 24 of 96 frames, 2 frames/s, 0 kept, 0:30 left",
    ]


def test_what_is_sent_is_no_frame_that_is_kept() -> None:
    standing = Pace().standing(0.0, 0, 0, "delivering", 7)
    assert standing.figures() == "0 of 7 records sent, 0 a second"


def test_the_end_is_told_once() -> None:
    stream = io.StringIO()
    with LineProgress(stream) as progress:
        progress.update(5, 1, "looking")
    progress.close()
    assert stream.getvalue().count("\n") == 1


def test_json_lines_hold_the_counts() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = JsonProgress(stream, 300, clock)
    progress.update(0, 0, "looking")
    clock.now += 2
    progress.update(100, 7, "looking")
    assert json.loads(stream.getvalue().splitlines()[-1]) == {
        "event": "progress", "stage": "looking", "frames": 100, "kept": 7, "total": 300, "rate": 50.0, "left": 4.0,
    }  # fmt: skip


def test_a_bar_shows_the_counts() -> None:
    stream, clock = Terminal(), Clock()
    with BarProgress(stream, 1000, clock) as progress:
        progress.update(0, 0, "looking")
        clock.now += 1
        progress.update(500, 3, "looking")
    assert "500 of 1,000 frames" in stream.getvalue()


def test_what_goes_to_standard_output_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with BarProgress(Terminal()) as progress:
        progress.update(1, 0, "looking")
        sys.stdout.write("result\n")
    assert capsys.readouterr().out == "result\n"


def test_a_reader_that_has_gone_is_not_asked_again() -> None:
    stream, clock = Gone(), Clock()
    progress = LineProgress(stream, None, clock)
    for _ in range(3):
        clock.now += 60
        progress.update(1, 0, "looking")


def test_a_resumed_run_starts_its_pace_where_it_resumed() -> None:
    pace = Pace()
    pace.standing(0.0, 50_000, 10, "looking", 60_000)
    standing = pace.standing(10.0, 51_000, 10, "looking", 60_000)
    assert (standing.rate, standing.left) == (100.0, 90.0)


def test_the_pace_follows_a_change() -> None:
    pace, frames = Pace(), 0
    for second in range(200):
        frames += 100 if second < 100 else 10
        rate = pace.standing(float(second), frames, 0, "looking", None).rate
    assert rate == pytest.approx(10, rel=0.05)


@given(st.lists(st.tuples(st.floats(0, 2 * WINDOW), st.integers(0, 10**6)), max_size=50), st.integers(0, 10**7))
def test_pace_and_time_left_are_never_negative(steps: list[tuple[float, int]], total: int) -> None:
    pace, now, frames = Pace(), 0.0, 0
    for wait, more in steps:
        now, frames = now + wait, frames + more
        standing = pace.standing(now, frames, 0, "looking", total)
        assert standing.rate >= 0
        assert standing.left is None or standing.left >= 0
        assert standing.figures()
