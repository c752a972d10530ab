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

import pytest
from hypothesis import settings

from streamsel.errors import StreamselError
from streamsel.testing.kafka_broker import Broker, Served, broker_for_tests
from streamsel.testing.videos import scenes

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


@contextmanager
def failing_by_a_line() -> Iterator[None]:
    """What a test needs and this machine lacks fails it, with the line that says what to install."""
    try:
        yield
    except StreamselError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def broker(tmp_path_factory) -> Iterator[Served]:
    """A real Kafka broker; tests that take it belong to xdist's group `kafka`, and name topics by `topic_name`."""
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
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env=environment)
    assert not check or done.returncode == 0, done.stderr
    return done


def killed(line: Sequence[object], folder: Path, moments: Sequence[float]) -> None:
    """The command into `folder/whole`, and into `folder/killed`: killed at each of these moments, shares of the time
    that the first took, and then gone on with to its end."""
    began = time.monotonic()
    streamsel(*line, folder / "whole")
    whole = time.monotonic() - began
    for moment in moments:
        child = subprocess.Popen(command(*line, folder / "killed"))
        try:
            child.wait(whole * moment)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    streamsel(*line, folder / "killed")


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file of a run that must not depend on how often it was interrupted."""
    differ = {"state.db", "state.db-wal", "state.db-shm", "summary.json"}
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in differ)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
