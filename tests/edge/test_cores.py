"""How many cores a process uses: what `threads` says, whatever its libraries begin."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from streamsel.edge.process.cores import cores
from tests.edge.daemon import Daemon, segment

ALLOWED = os.sched_getaffinity(0)


def allowed_of_a_thread() -> set[int]:
    found: list[set[int]] = []
    thread = threading.Thread(target=lambda: found.append(os.sched_getaffinity(0)))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("most", [1, 2, 1024])
def test_within_it_runs_on_so_many_and_threads_do_too(most: int) -> None:
    with cores(most):
        own = os.sched_getaffinity(0)
        assert len(own) == min(most, len(ALLOWED))
        assert own <= ALLOWED
        assert allowed_of_a_thread() == own
    assert os.sched_getaffinity(0) == ALLOWED


def test_nothing_given_leaves_all() -> None:
    with cores(None):
        assert os.sched_getaffinity(0) == ALLOWED


def test_an_error_within_leaves_all_as_it_was() -> None:
    with pytest.raises(ValueError, match="within"), cores(1):
        raise ValueError("within")
    assert os.sched_getaffinity(0) == ALLOWED


def test_what_was_not_allowed_before_is_not_allowed_within() -> None:
    with cores(1):
        (only,) = os.sched_getaffinity(0)
        with cores(4):
            assert os.sched_getaffinity(0) == {only}


def test_processes_choose_their_cores_evenly() -> None:
    begin = "import os; from streamsel.edge.process.cores import cores"
    code = f"{begin}\nwith cores(1): print(*os.sched_getaffinity(0), os.getpid())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    core, number = map(int, told)
    assert core == sorted(ALLOWED)[number % len(ALLOWED)]


@pytest.mark.parametrize("threads", [1, 1024])
def test_a_daemon_keeps_to_its_cores_with_all_its_threads(tmp_path: Path, threads: int) -> None:
    daemon = Daemon(tmp_path, [{"name": "yard", "folder": "recordings"}], threads=threads)
    segment(tmp_path / "recordings", "0.mp4", scenes=[0, 1])
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        tasks = [int(task.name) for task in Path(f"/proc/{running.process.pid}/task").iterdir()]
        used = set().union(*(os.sched_getaffinity(task) for task in tasks))
        assert len(used) == min(threads, len(ALLOWED))
        assert running.stop() == 0
