"""The edge daemon as a process, on real segments: what it keeps, and that nothing stops it from keeping the same."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamsel.testing.edge_telling import asked, status
from streamsel.testing.service_process import Running, wait_for
from streamsel.testing.videos import scenes
from tests.edge.daemon import Daemon, segment

SEGMENTS = 6
FRAMES = 4 * 12
YARD = {"name": "yard", "folder": "recordings"}


def record(daemon: Daemon, numbers: range = range(SEGMENTS)) -> None:
    """Segments of four scenes each, of which some were there before."""
    for number in numbers:
        shown = [number, number + 1, 2 * number + 3, 1]
        segment(daemon.folder / "recordings", f"{number}.mp4", scenes=shown)


def read(running: Running, segments: int) -> None:
    """Waits until the state says that so many segments were read."""
    running.wait(lambda: len(running.events("read")) >= segments)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed daemon keeps."""
    daemon = Daemon(tmp_path_factory.mktemp("calm"), [YARD])
    record(daemon)
    with daemon.started() as running:
        read(running, SEGMENTS)
        assert running.stop() == 0
    assert 4 * SEGMENTS > len(daemon.facts()) > SEGMENTS
    return daemon.outcome()


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path, [YARD], metrics="127.0.0.1:0")


def test_killed_at_any_moment_it_keeps_the_same(daemon: Daemon, expected: dict[str, bytes]) -> None:
    record(daemon)
    daemon.comes_to(expected, (0, 1 / 4, 2 / 4, 3 / 4))
    assert [fact["ordinal"] for fact in daemon.facts()] == list(range(len(daemon.facts())))


def test_who_was_killed_is_told_of_by_the_next_one(daemon: Daemon) -> None:
    told = []
    for killed in (True, True, False, False):
        with daemon.started() as running:
            running.wait(lambda running=running: running.events("started"))
            told.append([one["reason"] for one in running.events("did not end properly")])
            if killed:
                running.kill()
            else:
                assert running.stop() == 0
    unknown = "killed, without power, or on a full disk"
    assert told == [[], [unknown], [unknown], []]


def test_asked_to_stop_it_ends_soon_and_goes_on_later(daemon: Daemon, expected: dict[str, bytes]) -> None:
    record(daemon, range(3))
    with daemon.started() as running:
        read(running, 3)
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < 10
        assert running.events("stopped")[0]["frames"] == 3 * FRAMES
    record(daemon, range(3, SEGMENTS))
    with daemon.started() as running:
        read(running, SEGMENTS - 3)
        assert running.stop() == 0
        assert running.events("stopped")[0]["frames"] == 3 * FRAMES
    assert daemon.outcome() == expected


def test_a_full_disk_is_waited_out(daemon: Daemon, expected: dict[str, bytes]) -> None:
    with daemon.started() as running:
        running.wait(lambda: running.events("started"))
        unbounded = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (4000, unbounded[1]))
        record(daemon)
        running.wait(lambda: running.events("cannot write"))
        assert len(daemon.outcome()) < len(expected)
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, unbounded)
        read(running, SEGMENTS)
        assert running.stop() == 0
    assert daemon.outcome() == expected


def test_two_on_one_state_are_one_too_many(daemon: Daemon) -> None:
    with daemon.started() as first:
        first.wait(lambda: first.events("started"))
        with daemon.started() as second:
            assert second.process.wait(60) == 2
            assert "another streamsel is running with this state folder" in second.text
            assert second.text.count("\n") == 1
        assert first.stop() == 0


def test_thresholds_change_while_it_runs(daemon: Daemon) -> None:
    record(daemon, range(2))
    with daemon.started() as running:
        read(running, 2)
        before = len(daemon.facts())
        daemon.write({**daemon.config, "min_distance": 1.9})
        running.send_signal(signal.SIGHUP)
        (told,) = running.wait(lambda: running.events("reloaded"))
        assert told["changed"] == ["min_distance"]
        record(daemon, range(2, SEGMENTS))
        read(running, SEGMENTS)
        assert running.stop() == 0
    assert len(daemon.facts()) == before


def test_a_goal_of_another_kind_is_taken_in_with_what_was_picked(daemon: Daemon, expected: dict[str, bytes]) -> None:
    """There and back: a ratio that nothing was kept by in between changes nothing."""
    record(daemon, range(2))
    with daemon.started() as running:
        read(running, 2)
        before = daemon.config
        daemon.write({**{key: value for key, value in before.items() if key != "min_distance"}, "target_ratio": 0.5})
        running.wait(lambda: len(running.events("reloaded")) == 1)
        daemon.write(before)
        running.wait(lambda: len(running.events("reloaded")) == 2)
        record(daemon, range(2, SEGMENTS))
        read(running, SEGMENTS)
        assert running.stop() == 0
    assert daemon.outcome() == expected


def test_a_ratio_in_place_of_a_distance_keeps_its_share_from_then_on(daemon: Daemon) -> None:
    record(daemon, range(2))
    with daemon.started() as running:
        read(running, 2)
        assert running.stop() == 0
    picks, others = len(daemon.facts()), {key: value for key, value in daemon.config.items() if key != "min_distance"}
    daemon.write({**others, "target_ratio": 0.25})
    record(daemon, range(2, SEGMENTS))
    with daemon.started() as running:
        read(running, SEGMENTS - 2)
        assert running.stop() == 0
    facts = daemon.facts()
    assert [fact["ordinal"] for fact in facts] == list(range(len(facts)))
    assert {fact["reason"] for fact in facts[picks:]} == {"ratio"}
    assert len(facts) - picks == pytest.approx(0.25 * FRAMES * (SEGMENTS - 2), rel=0.5)


@pytest.mark.parametrize("renamed", ["source", "folder"])
def test_another_selection_is_refused_at_a_start_with_what_to_do(daemon: Daemon, renamed: str) -> None:
    record(daemon, range(1))
    with daemon.started() as running:
        read(running, 1)
        assert running.stop() == 0
    diverse = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    gap = {"type": "MIN_GAP", "seconds": 1}
    daemon.write({**daemon.config, "selection": {"strategies": [diverse], "constraints": [gap]}})
    with daemon.started() as running:
        assert running.process.wait(60) == 2
        state = daemon.folder / "state"
        assert f"go back to that, or rename the folder {state} (what all sources remember" in running.text
        assert "or this source to start anew" in running.text
    if renamed == "folder":
        state.rename(daemon.folder / "state.old")
    else:
        daemon.write({**daemon.config, "sources": [{**YARD, "name": "yard2"}]})
    with daemon.started() as running:
        read(running, 1)
        assert running.stop() == 0


def test_another_model_on_its_state_is_refused(daemon: Daemon) -> None:
    record(daemon, range(1))
    with daemon.started() as running:
        read(running, 1)
        assert running.stop() == 0
    daemon.write({**daemon.config, "model": "default"})
    with daemon.started() as running:
        assert running.process.wait(60) == 2
        assert "the saved state is of model" in running.text
        assert running.text.count("\n") == 1


def test_a_pipe_that_ends_ends_it(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, [{"name": "piped", "pipe": "mpegts"}])
    film = scenes(tmp_path / "film.ts", range(5), container="mpegts")
    with film.open("rb") as given:
        command = [sys.executable, "-m", "streamsel", "run", str(daemon.file)]
        done = subprocess.run(command, stdin=given, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "stopped" in done.stderr) == (0, True), done.stderr
    assert daemon.facts()


def test_the_page_tells_how_it_stands(daemon: Daemon) -> None:
    record(daemon, range(1))
    with daemon.started() as running:
        read(running, 1)
        assert asked(running, "/healthz") == "ok\n"
        told = wait_for(lambda: [one for one in status(running)["sources"] if one["frames"] == FRAMES])
        assert told[0]["picks"] == len(daemon.facts()) > 0
        assert "streamsel_edge_picks" in asked(running, "/metrics")
        assert running.stop() == 0


def catches(running: Running, number: signal.Signals) -> bool:
    """Whether the process has a handler of its own for a signal (proc(5): SigCgt)."""
    told = Path(f"/proc/{running.process.pid}/status").read_text()
    caught = next(line for line in told.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def begun(daemon: Daemon) -> Running:
    """A process that takes signals, and has not yet loaded what takes long."""
    running = daemon.started()
    wait_for(lambda: catches(running, signal.SIGHUP) and catches(running, signal.SIGTERM))
    assert "openvino" not in Path(f"/proc/{running.process.pid}/maps").read_text()
    return running


def test_a_hangup_while_it_starts_does_not_end_it(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, [YARD])
    record(daemon, range(1))
    with begun(daemon) as running:
        running.process.send_signal(signal.SIGHUP)
        read(running, 1)
        assert running.stop() == 0
        assert not running.events("not reloaded")


def test_asked_to_stop_while_it_starts_it_ends_well(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, [YARD])
    with begun(daemon) as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
