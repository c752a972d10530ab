"""Clips and commands that many tests share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pytest
from hypothesis import settings

from streamsel.cli import main
from streamsel.errors import StreamselError
from streamsel.testing.kafka_broker import Broker, Served, broker_for_tests
from streamsel.testing.videos import scenes

PLAIN = {"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}

# The brokers of tests live for seconds: what Java's second compiler makes of them comes too late.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

settings.register_profile("any machine", deadline=None)  # a busy machine is no failure
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Six scenes of twenty frames, the first one twice."""
    return scenes(tmp_path_factory.mktemp("clips") / "six.mp4", (0, 1, 2, 0, 3, 4), 20)


@pytest.fixture(scope="session")
def other_clip(tmp_path_factory) -> Path:
    """Two scenes of `clip`, two of its own."""
    return scenes(tmp_path_factory.mktemp("clips") / "other.mp4", (1, 2, 7, 8), 20)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A model that costs little, for what does not depend on how pictures are embedded."""
    from streamsel.testing.ingest_material import tiny_model

    return tiny_model(tmp_path_factory.mktemp("model"))


@contextmanager
def failing_by_a_line() -> Iterator[None]:
    """What a test needs and this machine lacks fails it, with the line that says what to install."""
    try:
        yield
    except StreamselError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def broker(tmp_path_factory) -> Iterator[Served]:
    """A real Kafka broker; tests that take it name topics by `topic_name`, and belong to one of xdist's groups, of
    which each has its own: `ingest`, `brokers` around starts, kills and whole runs, `kafka` else."""
    with failing_by_a_line(), broker_for_tests(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture(scope="session")
def secure_broker(tmp_path_factory) -> Iterator[Broker]:
    """A broker that asks for a login, always one of our own."""
    with failing_by_a_line(), Broker(tmp_path_factory.mktemp("secure"), secure=True) as found:
        yield found


@pytest.fixture
def topic_name() -> str:
    """A topic of its own for each test."""
    return f"test-{uuid.uuid4().hex}"


def command(*arguments: object) -> list[str]:
    """The command line in a process of its own, without waiting for an installed script."""
    return [sys.executable, "-c", "from streamsel.cli import main; main()", *map(str, arguments)]


def streamsel(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env={**os.environ, **PLAIN})
    assert not check or done.returncode == 0, done.stderr
    return done


def inside(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The same in this process, with what is loaded here already: for what does not depend on how it is started."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err, pytest.MonkeyPatch.context() as patch:
        for name, value in PLAIN.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["streamsel", *map(str, arguments)])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with _descriptor(1, out), _descriptor(2, err), pytest.raises(SystemExit) as end:
            main()
        said = [(one.seek(0), one.read())[1] for one in (out, err)]
    done = subprocess.CompletedProcess(sys.argv, end.value.code or 0, *said)
    assert not check or done.returncode == 0, done.stderr
    return done


@contextmanager
def _descriptor(number: int, file: IO[str]) -> Iterator[None]:
    """What is written to it goes into a file, also what libraries write that are not of Python."""
    before = os.dup(number)
    os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        file.flush()
        os.dup2(before, number)
        os.close(before)


def killed(line: Sequence[object], folder: Path, moments: Sequence[float]) -> None:
    """The command into `folder/whole`, and into `folder/killed`: killed at each of these moments, shares of the time
    that the first took from its first state on, and then gone on with to its end."""
    begin = time.monotonic()
    with subprocess.Popen(command(*line, folder / "whole")) as first:
        while first.poll() is None and not (folder / "whole/state.db").exists():
            time.sleep(0.01)
        loading = time.monotonic() - begin
    assert first.returncode == 0
    working = time.monotonic() - begin - loading
    for moment in moments:
        child = subprocess.Popen(command(*line, folder / "killed"))
        try:
            child.wait(loading + working * moment)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    streamsel(*line, folder / "killed")


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file of a run that must not depend on how often it was interrupted."""
    differ = {"state.db", "state.db-wal", "state.db-shm", "summary.json"}
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in differ)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
