"""The best of each window of time, by a daemon in a process of its own: chosen at the window's end, and once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import pytest

from streamsel.edge.keeping.shots import shots_of
from streamsel.store.entries import EntryStore
from streamsel.testing.service_process import Running
from streamsel.testing.videos import scenes
from tests.edge.daemon import Daemon

HOUR = 3600
LENGTH = 6
"""Seconds of the windows that the clock is to end: it waits for so long."""
BEGIN = 1_790_000_000 // HOUR * HOUR
"""Long ago: the clock on the wall is behind all windows."""

PICKS = 3
WINDOWS = 3
LAST = datetime.fromtimestamp(BEGIN + (WINDOWS - 1) * LENGTH, UTC).isoformat()
WINDOW: dict[str, Any] = {"min_distance": None, "window": {"picks": PICKS, "minutes": 60}, "metrics": "127.0.0.1:0"}
SHORT = {**WINDOW, "window": {"picks": PICKS, "minutes": LENGTH / 60}}
YARD = {"name": "yard", "folder": "recordings", "quiet": 0}


def made(folder: Path) -> Daemon:
    daemon = Daemon(folder, [YARD], **SHORT)
    for number in range(WINDOWS):
        for part in range(2):
            shown = [number, number + 1, 2 * number + part, 20 + number]
            record(daemon, f"{number}-{part}.mp4", BEGIN + number * LENGTH + 2 + 3 * part, shown)
    return daemon


def record(daemon: Daemon, name: str, ended: int, shown: list[int]) -> None:
    """A segment that a recorder finished at a time."""
    recordings = daemon.folder / "recordings"
    recordings.mkdir(exist_ok=True)
    scratch = scenes(recordings / f".{name}.tmp.mp4", scenes=shown)
    os.utime(scratch, (ended, ended))
    scratch.rename(recordings / name)


def outcome(daemon: Daemon) -> dict[str, bytes]:
    picks = daemon.folder / "picks"
    return {str(path.relative_to(picks)): path.read_bytes() for path in sorted(picks.rglob("*")) if path.is_file()}


def killed(daemon: Daemon, moment: str, number: int) -> None:
    """A daemon that kills itself: see `tests.edge.killed`."""
    command = [sys.executable, "-m", "tests.edge.killed", moment, str(number), str(daemon.file)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert done.returncode == -SIGKILL, done.stderr


def candidates(daemon: Daemon) -> int:
    """How many pictures the state holds."""
    if not (daemon.folder / "state" / "state.db").exists():
        return 0
    store = EntryStore(daemon.folder / "state" / "state.db")
    try:
        return len(store.entries(shots_of("yard")))
    finally:
        store.close()


def finished(daemon: Daemon, running: Running) -> None:
    """Until the last window was ended by the clock."""
    running.wait(lambda: running.events("chosen") and running.events("chosen")[-1]["window"].startswith(LAST))
    assert running.stop() == 0


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    daemon = made(tmp_path_factory.mktemp("calm"))
    with daemon.started() as running:
        finished(daemon, running)
    return outcome(daemon)


def test_of_each_window_its_best_are_chosen(tmp_path: Path, expected: dict[str, bytes]) -> None:
    daemon = made(tmp_path)
    with daemon.started() as running:
        finished(daemon, running)
    assert outcome(daemon) == expected
    facts = daemon.facts()
    assert [fact["ordinal"] for fact in facts] == list(range(PICKS * WINDOWS))
    for number, (begin, picks) in enumerate(groupby(facts, key=lambda fact: fact["window"]["begin"])):
        chosen = list(picks)
        assert datetime.fromisoformat(begin).timestamp() == BEGIN + number * LENGTH
        assert [fact["window"]["order"] for fact in chosen] == list(range(PICKS))
        assert all(begin <= fact["taken"] < fact["window"]["end"] for fact in chosen)
    assert {fact["reason"] for fact in facts} == {"first", "greedy"}
    assert all(fact["nearest"] < fact["ordinal"] for fact in facts)


def test_killed_at_every_step_of_a_windows_end_it_keeps_the_same(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """Between pictures, behind them, when all is committed; and before it is noted that pictures are written. The last
    window is one that the clock ends."""
    daemon, behind = made(tmp_path), ("committed", 2)
    for moment, number in [("picture", 2), ("commit", 2), behind, behind, ("commit", 1), ("picture", 2), behind]:
        killed(daemon, moment, number)
    assert candidates(daemon) == 0
    assert outcome(daemon) == expected
    with daemon.started() as running:
        running.wait(lambda: running.events("started"))
        assert running.stop() == 0
    assert outcome(daemon) == expected


def test_footage_of_long_ago_that_comes_piece_by_piece_is_of_one_window(tmp_path: Path) -> None:
    """As a recorder's that is synchronised after an outage: between two segments nothing is to be read."""
    daemon = Daemon(tmp_path, [YARD], **WINDOW)
    with daemon.started() as running:
        running.wait(lambda: running.events("started"))
        page = f"http://{running.events('started')[0]['page']}"
        for part in range(3):
            record(daemon, f"{part}.mp4", BEGIN + 600 * (part + 1), [4 * part, 4 * part + 1, 4 * part + 2])
            running.wait(lambda part=part: len(running.events("read")) > part)
            running.wait(lambda: source_of(page)["state"] == "waiting")
        record(daemon, "next.mp4", BEGIN + HOUR + 600, [20])
        running.wait(lambda: running.events("chosen"))
        assert running.stop() == 0
    (told,) = running.events("chosen")
    assert (told["window"], told["picks"]) == (datetime.fromtimestamp(BEGIN, UTC).isoformat(), PICKS)
    assert len(daemon.facts()) == PICKS


def test_stopped_it_does_not_choose_and_chooses_later(tmp_path: Path) -> None:
    """The last hour: its segments may still come, for an hour."""
    daemon, ended = Daemon(tmp_path, [YARD], **WINDOW), int(time.time()) // HOUR * HOUR - HOUR // 2
    record(daemon, "0.mp4", ended, [0, 1, 2, 3, 4, 5])
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        assert running.stop() == 0
    assert not outcome(daemon)
    assert candidates(daemon) > PICKS
    daemon.write({**daemon.config, "window": {"picks": PICKS, "minutes": 10}})
    record(daemon, "1.mp4", ended + HOUR // 2 + 60, [6])
    with daemon.started() as running:
        running.wait(lambda: running.events("chosen"))
        assert running.stop() == 0
    assert {fact["segment"] for fact in daemon.facts()} == {"0.mp4"}
    assert len(daemon.facts()) == PICKS


def test_candidates_of_a_source_that_is_gone_are_given_up_and_what_it_remembers_is_not(tmp_path: Path) -> None:
    daemon, ended = Daemon(tmp_path, [YARD], **WINDOW), int(time.time()) // HOUR * HOUR - HOUR // 2
    record(daemon, "0.mp4", ended, [0, 1, 2, 3, 4, 5])
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        assert running.stop() == 0
    assert candidates(daemon) > PICKS
    (tmp_path / "court").mkdir()
    with_yard = daemon.config
    daemon.write({**with_yard, "sources": [{**YARD, "name": "court", "folder": "court"}]})
    held = candidates(daemon)
    daemon.write({**daemon.config, "memory_limit": "100MB"})
    with daemon.started() as running:
        assert running.process.wait(60) == 2, "and what does not run gives nothing up"
    assert candidates(daemon) == held
    daemon.write({key: value for key, value in daemon.config.items() if key != "memory_limit"})
    with daemon.started() as running:
        running.wait(lambda: running.events("started"))
        assert running.stop() == 0
    assert [(told["source"], told["candidates"]) for told in running.events("candidates given up")] == [("yard", held)]
    assert candidates(daemon) == 0
    daemon.write({**with_yard, "window": {"picks": PICKS, "minutes": 10}})
    record(daemon, "1.mp4", ended + 60, [6, 7, 8, 9])
    record(daemon, "2.mp4", ended + 1260, [10])
    with daemon.started() as running:
        running.wait(lambda: running.events("chosen"))
        assert running.stop() == 0
    assert {fact["segment"] for fact in daemon.facts()} == {"1.mp4"}


def test_where_windows_are_taken_away_the_open_one_is_chosen_of_at_once(tmp_path: Path) -> None:
    """Also where that is killed at each of its steps; then it goes on as the file says, and with windows again."""
    daemon, ended = Daemon(tmp_path, [YARD], **WINDOW), int(time.time()) // HOUR * HOUR - HOUR // 2
    record(daemon, "0.mp4", ended, [0, 1, 2, 3, 4, 5])
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        assert running.stop() == 0
    held, windowed = candidates(daemon), daemon.config
    daemon.write({**windowed, "window": None, "min_distance": 0.3})
    for moment, number in [("picture", 1), ("picture", PICKS), ("commit", 2)]:
        killed(daemon, moment, number)
        assert candidates(daemon) == held > PICKS
    record(daemon, "1.mp4", ended + 60, [0, 1, 2, 3, 4, 5, 6, 7])
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        assert running.stop() == 0
    assert [(told["source"], told["candidates"]) for told in running.events("window ends early")] == [("yard", held)]
    assert [told["picks"] for told in running.events("chosen")] == [PICKS]
    assert candidates(daemon) == 0
    facts = daemon.facts()
    assert [fact["ordinal"] for fact in facts] == list(range(len(facts)))
    assert [fact["segment"] for fact in facts] == ["0.mp4"] * PICKS + ["1.mp4"] * (len(facts) - PICKS)
    assert ["window" in fact for fact in facts] == [True] * PICKS + [False] * (len(facts) - PICKS)
    assert len(facts) > PICKS
    assert min(fact["distance"] for fact in facts[PICKS:]) >= 0.3
    daemon.write({**windowed, "window": {"picks": PICKS, "minutes": 10}})
    record(daemon, "2.mp4", ended + 120, [8, 9, 10, 11])
    record(daemon, "3.mp4", ended + 1320, [12])
    with daemon.started() as running:
        running.wait(lambda: running.events("chosen"))
        assert running.stop() == 0
    later = daemon.facts()
    assert [fact["ordinal"] for fact in later] == list(range(len(facts) + PICKS))
    assert {fact["segment"] for fact in later[len(facts) :]} == {"2.mp4"}


def test_a_cameras_window_is_ended_by_the_clock(tmp_path: Path) -> None:
    """Nothing comes any more of a pipe that stays open."""
    daemon = Daemon(tmp_path, [{"name": "piped", "pipe": "mpegts"}], **WINDOW)
    daemon.write({**daemon.config, "window": {"picks": 2, "minutes": 0.05}})
    film = scenes(tmp_path / "film.ts", range(8), container="mpegts").read_bytes()
    command = [sys.executable, "-m", "streamsel", "run", str(daemon.file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(film)
        process.stdin.flush()
        told = next(line for line in process.stderr if b"chosen" in line)
        assert b"source=piped" in told
        assert b"picks=2" in told
        process.send_signal(SIGTERM)
        process.stdin.close()
        assert process.wait(60) == 0
    assert len(daemon.facts()) >= 2


def test_what_the_page_tells_of_a_window(tmp_path: Path) -> None:
    daemon, ended = Daemon(tmp_path, [YARD], **WINDOW), int(time.time()) // HOUR * HOUR - HOUR // 2
    record(daemon, "0.mp4", ended, [0, 1])
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        page = f"http://{running.events('started')[0]['page']}"
        source = source_of(page)
        ends = datetime.fromtimestamp(ended + HOUR // 2, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert source["window"] == {"candidates": candidates_of(page), "ends": ends}
        assert running.stop() == 0


def source_of(page: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{page}/status.json", timeout=10) as answer:
        (source,) = json.load(answer)["sources"]
    return dict(source)


def candidates_of(page: str) -> float:
    with urllib.request.urlopen(f"{page}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(
        float(line.split()[-1]) for line in lines if line.startswith('streamsel_edge_candidates{source="yard"}')
    )
