"""A broker's jars: fetched once, checked, all or none; and one clear line where that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.errors import SourceError
from streamsel.testing import kafka_jars
from streamsel.testing.kafka_jars import KAFKA, broker_jars

FAILS = (
    "echo '[INFO] Scanning'; echo '[ERROR] Could not transfer artifact'; echo '[ERROR] To see the full trace'; exit 1"
)
BRINGS = """
for word in "$@"; do case "$word" in -DoutputDirectory=*) to=${word#*=} ;; esac; done
mkdir -p "$to"
echo one > "$to/one.jar"
echo two > "$to/two.jar"
"""


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a program in Maven's place."""

    def put(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "mvn").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "mvn").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")

    return put


def digest_of_what_it_brings(tmp_path: Path) -> str:
    folder = tmp_path / "same"
    folder.mkdir()
    (folder / "one.jar").write_text("one\n")
    (folder / "two.jar").write_text("two\n")
    return kafka_jars._digest(folder)


def test_they_are_fetched_once(maven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_jars, "SHA256", digest_of_what_it_brings(tmp_path))
    maven(BRINGS)
    folder = broker_jars(tmp_path / "cache")
    assert folder.name == f"kafka-{KAFKA}"
    assert sorted(jar.name for jar in folder.iterdir()) == ["one.jar", "two.jar"]
    assert [place.name for place in (tmp_path / "cache").iterdir()] == [folder.name]
    maven(FAILS)
    assert broker_jars(tmp_path / "cache") == folder


def test_other_jars_than_expected_are_not_kept(maven, tmp_path: Path) -> None:
    maven(BRINGS)
    with pytest.raises(SourceError, match="other jars"):
        broker_jars(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_no_network_is_one_line(maven, tmp_path: Path) -> None:
    maven(FAILS)
    with pytest.raises(SourceError, match=r"Could not transfer artifact.*mirror") as told:
        broker_jars(tmp_path / "cache")
    assert "\n" not in str(told.value)
    assert not list((tmp_path / "cache").iterdir())


def test_who_comes_second_takes_what_the_first_put_there(tmp_path: Path) -> None:
    folder, jars = tmp_path / "kafka", tmp_path / "jars"
    for place in (folder, jars):
        place.mkdir()
        (place / f"{place.name}.jar").touch()
    kafka_jars._publish(jars, folder)
    assert [jar.name for jar in folder.iterdir()] == ["kafka.jar"]
    assert not jars.exists()
