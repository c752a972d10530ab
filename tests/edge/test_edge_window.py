"""The best of each window of time, by a daemon in a process of its own: chosen at the window's end, and once."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import pytest

from streamsel.testing.service_process import Running
from streamsel.testing.videos import scenes
from tests.edge.daemon import Daemon

HOUR = 3600
BEGIN = 1_790_000_000 // HOUR * HOUR
"""Long ago: the clock on the wall is behind all windows."""

PICKS = 3
HOURS = 4
LAST = datetime.fromtimestamp(BEGIN + (HOURS - 1) * HOUR, UTC).isoformat()
YARD = {"name": "yard", "folder": "recordings", "quiet": 0}


def made(folder: Path) -> Daemon:
    daemon = Daemon(folder, [YARD], min_distance=None, window={"picks": PICKS, "minutes": 60}, metrics="127.0.0.1:0")
    for hour in range(HOURS):
        for part in range(2):
            shown = [hour, hour + 1, 2 * hour + part, 20 + hour]
            record(daemon, f"{hour}-{part}.mp4", BEGIN + hour * HOUR + 600 + 1800 * part, shown)
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


def test_each_hour_its_best_are_chosen(tmp_path: Path, expected: dict[str, bytes]) -> None:
    daemon = made(tmp_path)
    with daemon.started() as running:
        finished(daemon, running)
    assert outcome(daemon) == expected
    facts = daemon.facts()
    assert [fact["ordinal"] for fact in facts] == list(range(PICKS * HOURS))
    for number, (begin, picks) in enumerate(groupby(facts, key=lambda fact: fact["window"]["begin"])):
        chosen = list(picks)
        assert datetime.fromisoformat(begin).timestamp() == BEGIN + number * HOUR
        assert [fact["window"]["order"] for fact in chosen] == list(range(PICKS))
        assert all(begin <= fact["taken"] < fact["window"]["end"] for fact in chosen)
    assert {fact["reason"] for fact in facts} == {"first", "greedy"}
    assert all(fact["nearest"] < fact["ordinal"] for fact in facts)
