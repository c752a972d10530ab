"""What a broker runs in on this machine: Java with jars that Maven fetched, else Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Final, Self

from streamsel.errors import UsageError
from streamsel.testing.kafka_jars import KAFKA, broker_jars

__all__ = ["ADVICE", "IMAGE", "Running", "Runtime"]

IMAGE: Final = f"apache/kafka:{KAFKA}"
JAVA: Final = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
ADVICE: Final = (
    "no Kafka broker for the tests: name one in STREAMSEL_KAFKA=HOST:PORT, or install Java 17 or later and Maven "
    "(`make deps`), or start Docker"
)
OLDEST_JAVA: Final = 17
WATCH: Final = 'read -r _; exec "$@"'
"""Waits until the pipe from this process ends, however that came about, and then ends the broker."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """java: the command that starts a JVM, with its class path. docker: whether that is in a container.

    jars: the folder on the class path, where it is on this machine.
    """

    java: tuple[str, ...]
    docker: bool = False
    jars: Path | None = None

    @classmethod
    def find(cls) -> Self:
        """Java and Maven where both are there, else Docker where it answers; else UsageError says what to install."""
        if _java_version() >= OLDEST_JAVA and shutil.which("mvn"):
            jars = broker_jars()
            return cls((*JAVA, "-cp", f"{jars}/*"), jars=jars)
        if shutil.which("docker") and _answers(["docker", "info"]):
            return cls((*JAVA[1:], "-cp", "/opt/kafka/libs/*"), docker=True)
        raise UsageError(ADVICE)

    def with_option(self, option: str) -> Self:
        """The same with one more option of the JVM's."""
        return replace(self, java=(*self.java[:1], option, *self.java[1:]))

    def command(self, name: str, folder: Path, arguments: Sequence[str]) -> list[str]:
        """How to run a class of Kafka's. name: what a container is called. folder: what it may read and write."""
        if not self.docker:
            return [*self.java, *arguments]
        user = ["--user", f"{os.getuid()}:{os.getgid()}"]
        place = ["--network", "host", "--volume", f"{folder}:{folder}", "--entrypoint", "java"]
        return ["docker", "run", "--rm", "--name", name, *user, *place, IMAGE, *self.java, *arguments]


class Running:
    """A process that ends when this one does, be it by kill -9."""

    def __init__(self, runtime: Runtime, name: str, folder: Path, arguments: Sequence[str], log: Path) -> None:
        self._container = name if runtime.docker else ""
        command = runtime.command(name, folder, arguments)
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        watch = ["sh", "-c", WATCH, "watch", *self._signalling(SIGKILL)]
        self._watch = subprocess.Popen(
            watch, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def send(self, number: Signals) -> None:
        """Send it a signal, if it is still there."""
        if not self.ended:
            subprocess.run(self._signalling(number), capture_output=True, check=False)

    def end(self, number: Signals, seconds: float) -> bool:
        """Ask it to end, and make it end after so many seconds. Returns whether it ended by itself."""
        self.send(number)
        return self.finish(seconds)

    def finish(self, seconds: float) -> bool:
        """Wait until it has ended by itself, and make it end after so many seconds. Returns whether it did."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.send(SIGKILL)
        ended = self._process.wait() != -SIGKILL
        self._watch.kill()
        self._watch.communicate()
        return ended

    def _signalling(self, number: Signals) -> list[str]:
        if self._container:
            return ["docker", "kill", "--signal", str(int(number)), self._container]
        return ["kill", f"-{int(number)}", str(self._process.pid)]


def _java_version() -> int:
    """17 for 17.0.15; 0 where there is none, or one before 9."""
    if not shutil.which("java"):
        return 0
    told = subprocess.run(["java", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"\S+ (\d+)", told)
    return int(found[1]) if found else 0


def _answers(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
