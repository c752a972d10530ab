"""What a JVM makes of the classes that a broker loads, kept beside its jars: the next brokers start in half the time.

A class-data sharing archive (JEP 350). A JVM that it does not fit leaves it aside, and is as quick as without.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from streamsel.errors import SourceError
from streamsel.testing.kafka_runtime import Runtime

__all__ = ["Rehearse", "archived"]

Rehearse = Callable[[Runtime, Path], None]
"""Runs a broker in a runtime and a folder, and stops it as an administrator does; SourceError where that fails."""


def archived(runtime: Runtime, rehearse: Rehearse) -> Runtime:
    """One that takes the archive of this Java and these jars, 50 MB, made where it is missing, if it can be."""
    if runtime.jars is None:
        return runtime
    told = subprocess.run([runtime.java[0], "--version"], capture_output=True, check=False).stdout
    build = b"".join(told.splitlines()[:2])  # the third line tells of options, too
    archive = runtime.jars / f"classes-{hashlib.sha256(build).hexdigest()[:16]}.jsa"
    if not archive.exists():
        with suppress(OSError, SourceError):
            _write(archive, runtime, rehearse)
    return runtime.with_option(f"-XX:SharedArchiveFile={archive}") if archive.exists() else runtime


def _write(archive: Path, runtime: Runtime, rehearse: Rehearse) -> None:
    """All or none: a broker writes it as it ends, and half of one would not do."""
    with tempfile.TemporaryDirectory(prefix=".classes-", dir=archive.parent) as scratch:
        written = Path(scratch) / archive.name
        rehearse(runtime.with_option(f"-XX:ArchiveClassesAtExit={written}"), Path(scratch) / "broker")
        written.rename(archive)
