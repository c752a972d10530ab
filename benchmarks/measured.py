"""One run of a command in a process of its own: wall and CPU seconds, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

STREAMSEL = [sys.executable, "-m", "streamsel"]


@dataclass(frozen=True)
class Run:
    """wall, cpu: seconds. peak: MB of resident memory."""

    wall: float
    cpu: float
    peak: float


def measured(command: list[str]) -> Run:
    """Run it to its end, its output thrown away; an exit code other than 0 is an error."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
    error = child.stderr.read() if child.stderr else b""
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - began
    if status:
        sys.exit(f"{' '.join(command)} failed: {error.decode()}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def environment() -> dict[str, str]:
    """Without the variable that keeps Python from storing what it compiled: what is installed is compiled already."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def machine() -> str:
    """The line that every figure stands with."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")
    return f"{os.cpu_count()} cores, {model}, Python {sys.version.split()[0]}"
