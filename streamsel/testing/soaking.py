"""What a long run of the edge daemon is judged by: readings of its process and of its page, and what they say."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamsel.testing.edge_telling import status
from streamsel.testing.process_memory import memory_of
from streamsel.testing.service_process import Running

__all__ = ["FROM", "Reading", "beyond", "growth", "read"]

FROM: Final = 1000
"""Frames from which on a target ratio is kept."""


@dataclass(frozen=True, slots=True)
class Reading:
    """seconds: since some moment. resident: MB. descriptors: open files. frames: looked at, of which `dropped` never
    reached the model and `queued` wait for it, in `waiting` MB. decided, picks: frames of which it is known whether
    they are picks, and how many are, both as of one commit. state: bytes of state.db and its log.
    """

    seconds: float
    resident: float
    descriptors: int
    threads: int
    frames: int
    dropped: int
    queued: int
    waiting: float
    decided: int
    picks: int
    state: int


def read(running: Running, state: Path) -> Reading:
    """One of a daemon that has a page. state: its state folder."""
    told = status(running)
    process = Path(f"/proc/{running.process.pid}")
    facts = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return Reading(
        time.monotonic(),
        memory_of(running.process.pid)[0] / (1 << 20),
        len(list((process / "fd").iterdir())),
        int(facts["Threads"]),
        sum(one["frames"] for one in told["sources"]),
        sum(one["dropped"] for one in told["sources"]),
        told["queue"]["frames"],
        told["queue"]["bytes"] / 1e6,
        sum(one["decided"]["looked"] for one in told["sources"]),
        sum(one["decided"]["picks"] for one in told["sources"]),
        sum(path.stat().st_size for path in state.glob("state.db*")),
    )


def beyond(reading: Reading, ratio: float) -> float:
    """By how many picks the target ratio of one source is missed, beyond what it may be from `FROM` frames on; 0 and
    less: it holds."""
    due = ratio * reading.decided
    if reading.decided < FROM:
        return 0.0
    return round(abs(reading.picks - due) - max(0.05 * due, math.sqrt(due)), 9)  # 9: a sum of floats is no miss


def growth(readings: Sequence[Reading]) -> float:
    """MB an hour of resident memory, by least squares; 0 of fewer than two."""
    if len(readings) < 2:
        return 0.0
    fitted = statistics.linear_regression([one.seconds for one in readings], [one.resident for one in readings])
    return 3600 * float(fitted.slope)
