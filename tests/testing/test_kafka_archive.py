"""The archive of a broker's classes: made once and whole, and what brokers start with fits this machine's Java."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from streamsel.errors import SourceError
from streamsel.testing.kafka_archive import archived
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_runtime import Runtime

pytestmark = pytest.mark.xdist_group("brokers")

OPTION = "-XX:ArchiveClassesAtExit="


def written_by(runtime: Runtime) -> Path:
    """Where a rehearsed broker is to leave what it loaded."""
    return Path(next(word for word in runtime.java if word.startswith(OPTION)).removeprefix(OPTION))


def test_it_is_made_once(tmp_path: Path) -> None:
    rehearsed = []

    def rehearse(runtime: Runtime, folder: Path) -> None:
        rehearsed.append(folder)
        written_by(runtime).write_bytes(b"classes")

    runtime = Runtime(("java", "-cp", f"{tmp_path}/*"), jars=tmp_path)
    first, second = archived(runtime, rehearse), archived(runtime, rehearse)
    (archive,) = tmp_path.iterdir()
    assert archive.read_bytes() == b"classes"
    assert first == second == runtime.with_option(f"-XX:SharedArchiveFile={archive}")
    assert first.java[0] == "java"
    assert len(rehearsed) == 1


@pytest.mark.parametrize("reason", [SourceError("it did not stop"), OSError("no room")], ids=str)
def test_half_of_one_is_not_kept_and_brokers_start_without(reason: Exception, tmp_path: Path) -> None:
    def rehearse(runtime: Runtime, folder: Path) -> None:
        written_by(runtime).write_bytes(b"half of the cla")
        raise reason

    runtime = Runtime(("java", "-cp", f"{tmp_path}/*"), jars=tmp_path)
    assert archived(runtime, rehearse) == runtime
    assert not list(tmp_path.iterdir())


def test_a_container_has_none() -> None:
    runtime = Runtime(("-cp", "libs/*"), docker=True)
    assert archived(runtime, lambda *told: pytest.fail("rehearsed")) == runtime


def test_it_fits_this_java(broker: Served, tmp_path: Path) -> None:
    """By `-Xshare:on`, with which a JVM ends where it cannot take an archive that it is given."""
    runtime = archived(Runtime.find(), lambda *told: pytest.fail("the broker left none"))
    assert starts(runtime)
    (tmp_path / "other.jsa").write_bytes(bytes(100_000))
    assert not starts(Runtime.find().with_option(f"-XX:SharedArchiveFile={tmp_path / 'other.jsa'}"))


def starts(runtime: Runtime) -> bool:
    command = [*runtime.with_option("-Xshare:on").java, "kafka.tools.StorageTool", "random-uuid"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
