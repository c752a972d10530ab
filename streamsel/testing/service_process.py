"""`streamsel run` in a process of its own, which can be killed, stopped, and asked what it logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

__all__ = ["NONE", "Running", "wait_for"]

PATIENCE: Final = 120.0
STEP: Final = 0.05
NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Running:
    """`streamsel run` of a pipeline file; use it with `with`. What it logs lies beside the file.

    environment: variables beside those of this process.
    """

    def __init__(self, file: Path, environment: Mapping[str, str] = NONE) -> None:
        self._log = file.with_name(f"log-{file.stem}-{time.monotonic_ns()}.jsonl")
        command = [sys.executable, "-m", "streamsel", "run", str(file), "--log", "json"]
        with self._log.open("wb") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
            self.process = subprocess.Popen(command, stderr=log, env=environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def text(self) -> str:
        """All that it said."""
        return self._log.read_text(errors="replace")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it logged; what is no JSON, or not whole yet, is left out."""
        whole = self.text.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{") and line.endswith("}")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines of a kind."""
        return [line for line in self.lines if line["event"] == name]

    @property
    def owned(self) -> list[int]:
        """The partitions that it reads, as it said last."""
        told = self.events("rebalanced")
        return list(told[-1]["owned"]) if told else []

    def wait(self, what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """What it gives, as soon as that is true. Raises AssertionError at once where the process has ended."""
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.text}"
            assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {self.text}"
            time.sleep(STEP)
        return found

    def send_signal(self, number: signal.Signals) -> None:
        """SIGSTOP, SIGCONT and the like."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()


def wait_for(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What it gives, as soon as that is true. Raises AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
        time.sleep(STEP)
    return found
