"""The edge daemon as a process, whose disk becomes read-only and whose clock is set while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streamsel.errors import UsageError
from streamsel.testing.gate import Gate
from streamsel.testing.service_process import NONE, Running
from streamsel.testing.videos import scenes
from streamsel.testing.wall_clock import WallClock
from tests.edge.daemon import Daemon, segment
from tests.edge.made_disk import MadeDisk

pytestmark = pytest.mark.xdist_group("camera")

SEGMENTS = 4
HOUR, DAY = 3600, 86_400


def kept(folder: Path, disk: MadeDisk | None = None) -> dict[str, bytes]:
    """All files of picks. disk: is read-only when the first segment was read, and until nothing could be written."""
    folder.mkdir()
    others: dict[str, Any] = {"state": "disk/state", "output": {"folder": "disk/picks"}}
    daemon = Daemon(folder, [{"name": "yard", "folder": "recordings"}], **others)
    with daemon.started(disk.environment if disk else NONE) as running:
        record(daemon, running, range(1))
        if disk:
            disk.read_only()
            segment(folder / "recordings", "1.mp4", scenes=[1, 2, 3])
            told = running.wait(lambda: running.events("cannot write")[1:])
            assert "Read-only file system" in told[0]["reason"] or "disk I/O error" in told[0]["reason"]
            disk.read_only(False)
            running.wait(lambda: len(running.events("read")) == 2)
        record(daemon, running, range(2 if disk else 1, SEGMENTS))
        assert running.stop() == 0
    picks = folder / "disk" / "picks"
    return {str(path.relative_to(picks)): path.read_bytes() for path in picks.rglob("*") if path.is_file()}


def record(daemon: Daemon, running: Running, numbers: range) -> None:
    for number in numbers:
        segment(daemon.folder / "recordings", f"{number}.mp4", scenes=[number, number + 1, 2 * number + 1])
        running.wait(lambda number=number: len(running.events("read")) > number)


def test_a_disk_that_is_read_only_for_a_while_changes_nothing(tmp_path: Path) -> None:
    expected = kept(tmp_path / "calm")
    disk = MadeDisk(tmp_path / "hit" / "disk", tmp_path / "made")
    assert kept(tmp_path / "hit", disk) == expected
    assert len(expected) > 2 * SEGMENTS


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    try:
        return WallClock(tmp_path)
    except UsageError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A camera that shows four new scenes a second."""
    film = scenes(tmp_path / "film.mp4", range(400), 6, gop=6, options={"bf": "0", "preset": "ultrafast"})
    with Gate() as made:
        made.shows(film)
        yield made


def test_a_clock_that_is_set_while_it_runs_loses_and_repeats_nothing(
    tmp_path: Path, clock: WallClock, gate: Gate
) -> None:
    daemon = Daemon(tmp_path, [{"name": "gate", "url": gate.url, "stall": 5}])
    with daemon.started(clock.environment) as running:
        more(daemon, running)
        set_to(daemon, running, clock, -HOUR)
        running.kill()
    with daemon.started(clock.environment) as running:
        more(daemon, running)
        set_to(daemon, running, clock, DAY)
        assert running.stop() == 0
    facts = daemon.facts()
    assert [fact["ordinal"] for fact in facts] == list(range(len(facts)))
    assert len({fact["id"] for fact in facts}) == len(facts)
    days = {path.name for path in (tmp_path / "picks" / "gate").iterdir()}
    assert f"{datetime.fromtimestamp(clock.now, UTC):%Y-%m-%d}" in days


def set_to(daemon: Daemon, running: Running, clock: WallClock, seconds: int) -> None:
    """It is noticed, and the camera looked at on."""
    clock.set(seconds)
    running.wait(lambda: any(one["reason"] == "clock jump" for one in running.events("problem")))
    assert abs(datetime.fromisoformat(running.lines[-1]["time"]).timestamp() - clock.now) < HOUR / 2
    more(daemon, running)


def more(daemon: Daemon, running: Running) -> None:
    """Waits for four more pictures."""
    folder = daemon.folder / "picks"
    before = len(list(folder.rglob("*.jpg")))
    running.wait(lambda: len(list(folder.rglob("*.jpg"))) >= before + 4)
