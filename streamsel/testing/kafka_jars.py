"""The jars of an Apache Kafka broker, fetched once by Maven into the user's cache folder.

Versions are pinned, and what they bring along is checked by one sha256. Maven downloads as the user's own settings
say. No jar is part of this repository.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streamsel.errors import SourceError
from streamsel.testing.clips import cache_folder

__all__ = ["KAFKA", "broker_jars"]

KAFKA: Final = "4.1.0"
JARS: Final[Mapping[str, str]] = {"org.apache.kafka:kafka_2.13": KAFKA, "org.slf4j:slf4j-simple": "1.7.36"}
"""What a broker needs, and a log that goes to standard error."""

GOAL: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
SHA256: Final = "defd8523665b9074bf5486e51fe91862ce7d7b704147ee109ec8d845548c7da9"
"""Of all jars: see `_digest`."""

PROJECT: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>streamsel</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{}</dependencies>
</project>
"""
DEPENDENCY: Final = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def broker_jars(cache: Path | None = None) -> Path:
    """The folder that holds them, 43 MB, filled where it is missing.

    cache: folder to keep it in, by default `streamsel` in $XDG_CACHE_HOME or ~/.cache. Raises SourceError when Maven
    cannot have them, or holds something else than expected.
    """
    folder = (cache or cache_folder().parent) / f"kafka-{KAFKA}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".kafka-", dir=folder.parent) as scratch:
            _publish(_downloaded(Path(scratch)), folder)
    return folder


def _downloaded(scratch: Path) -> Path:
    """A folder with all jars, fetched by Maven and checked."""
    parts = (DEPENDENCY.format(*name.split(":"), version) for name, version in JARS.items())
    project, jars = scratch / "pom.xml", scratch / "jars"
    project.write_text(PROJECT.format("".join(parts)))
    options = [f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
    command = ["mvn", "--batch-mode", "--quiet", "--file", str(project), GOAL, *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")] or ["no reason given"]
        reason = lines[0].removeprefix("[ERROR] ")
        raise SourceError(f"Maven could not download Kafka's jars ({reason}); is there a network, or a mirror for it?")
    if (found := _digest(jars)) != SHA256:
        raise SourceError(f"Maven brought other jars for Kafka {KAFKA} than expected (sha256 {found})")
    return jars


def _digest(folder: Path) -> str:
    """sha256 over the name and the sha256 of each jar, in order of names."""
    jars = sorted(folder.glob("*.jar"))
    lines = (f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in jars)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _publish(jars: Path, folder: Path) -> None:
    """Put the jars under their name, all or none; another process may have been first."""
    try:
        jars.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(jars)
