"""Keeps the process within a bound of resident memory, by letting go of frames: nothing here ends it.

The system's own bound of a process' address space (RLIMIT_AS) is of no use, since the model's runtime maps much more
than it touches. So what is resident is looked at every second. Above the limit, free memory is returned and the queue
of frames halved, down to a single frame: live sources then lose frames, which are counted, and folders wait. What waits
for the others of its sequence has as much room as the queue, and goes to the disk beyond that. Once there was room for
a while, the queue grows again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from streamsel.config import EdgeConfig
from streamsel.daemon.log_lines import say
from streamsel.edge.inbox import Inbox
from streamsel.edge.keeping.jpeg_picture import BESIDE
from streamsel.errors import UsageError

__all__ = ["Memory", "MemoryLimit", "Needs", "check_limit", "refusal", "resident"]

EVERY: Final = 1.0
"""Seconds between two looks."""
CALM: Final = 30.0
"""Seconds within the limit before the queue may grow again."""
ROOM: Final = 0.9
"""Part of the limit below which there is room."""
SMALLEST: Final = 1_000_000
"""Bytes of a queue that is not halved any more, but holds one frame."""
JPEG: Final = 300_000
"""Bytes of a frame of 1080p that waits as JPEG, about."""
SMALL_SOURCE, LARGE_SOURCE = 4_000_000, 40_000_000
"""Bytes that a source takes while its video is decoded by two threads, about: 768 x 576 MPEG-4, and 1080p H.264."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: what is resident (0: the system does not say), and the limit. trouble: why that is above; or empty."""

    resident: int = 0
    limit: int | None = None
    trouble: str = ""


def resident() -> int:
    """Bytes of this process that are in memory (proc(5): statm); 0 where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


@dataclass(frozen=True, slots=True)
class Needs:
    """What a pipeline needs beside what is there before its first frame. sources: how many. length: frames of a
    sequence. queue: bytes of frames that wait for the model."""

    sources: int
    length: int
    queue: int

    @classmethod
    def of(cls, config: EdgeConfig) -> Self:
        """As it is configured."""
        return cls(len(config.sources), config.rules.worker.selected_sequence_length, config.queue)

    @property
    def least(self) -> int:
        """Bytes, with small pictures, and a queue of one."""
        return self.sources * (SMALL_SOURCE + self.waiting)

    @property
    def most(self) -> int:
        """Bytes, with large pictures, and as many that wait as may: of sequences as much as the queue once more."""
        return self.sources * (LARGE_SOURCE + self.waiting) + self.queue * (2 if self.length > 1 else 1)

    @property
    def waiting(self) -> int:
        """Bytes of a source's frames that wait for the last one of their sequence, whose pictures lie on the disk."""
        return (self.length - 1) * BESIDE

    @property
    def disk(self) -> int:
        """Bytes of frames that wait for the last one of their sequence, in 1080p, for which memory has no room."""
        return max(0, self.sources * (self.length - 1) * JPEG - self.queue)


def check_limit(limit: int | None, needs: Needs) -> None:
    """Tells what will be needed, once all but the sources is there: with large pictures, and a full queue.

    Raises UsageError where even small pictures would be too much for the limit.
    """
    now = resident()
    say("memory", resident=now, estimated=now + needs.most, limit=limit)
    if reason := refusal(limit, needs):
        raise UsageError(f"memory_limit: {reason}")


def refusal(limit: int | None, needs: Needs) -> str:
    """Why a limit cannot hold beside what this process takes now, as where the model is loaded; empty: it may."""
    now = resident()
    least = now + needs.least
    if limit is not None and not now:
        return "this system does not say how much memory a process takes: leave it out"
    if limit is None or limit >= least:
        return ""
    frames = f" and {_mb(needs.waiting)} for sequences of {needs.length} frames" if needs.length > 1 else ""
    return (
        f"{_mb(limit)} cannot hold: model and memory of picks take {_mb(now)}, and each of {needs.sources} sources"
        f" {_mb(SMALL_SOURCE)} at least{frames}; give {_mb(least)} or more, or fewer sources"
    )


class MemoryLimit:
    """Called often, by one thread. limit: bytes; None: it only looks. trim: returns free memory to the system.

    now: as it was at the latest look.
    """

    def __init__(
        self,
        limit: int | None,
        inbox: Inbox,
        trim: Callable[[], None],
        *,
        looks: Callable[[], int] = resident,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._inbox, self._trim, self._looks, self._clock = limit, inbox, trim, looks, clock
        self._whole = inbox.most_bytes
        self._next = self._above = float("-inf")
        self.now = Memory(limit=limit)

    def __call__(self) -> None:
        """Look, where that was not done for a while, and act."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + EVERY
        self.now = Memory(self._looks(), self._limit, self.now.trouble)
        if self._limit is None:
            return
        if self.now.resident > self._limit:
            self._let_go(self._limit)
        elif self.now.resident < ROOM * self._limit and self._clock() - self._above >= CALM:
            self._grow(self._limit)

    def _let_go(self, limit: int) -> None:
        self._above = self._clock()
        self._trim()
        least = self._inbox.most_bytes <= SMALLEST
        self._inbox.bound(1 if least else self._inbox.most_bytes // 2)
        taken = f"{_mb(self.now.resident)} of memory are taken, above memory_limit {_mb(limit)}"
        advice = "raise it, or look at less: fps, keyframes, fewer sources"
        trouble = f"{taken}, with one frame in the queue: {advice}" if least else f"{taken}: the queue shrinks"
        if not self.now.trouble or (least and "one frame" not in self.now.trouble):
            say("memory above its limit", logging.WARNING, reason=trouble)
        self.now = Memory(self.now.resident, limit, trouble)

    def _grow(self, limit: int) -> None:
        self._above = self._clock()
        if self.now.trouble:
            say("memory within its limit", resident=self.now.resident, limit=limit)
        self.now = Memory(self.now.resident, limit)
        self._inbox.bound(min(max(2 * self._inbox.most_bytes, SMALLEST), self._whole))


def _mb(nbytes: int) -> str:
    return f"{nbytes / 1e6:.0f} MB"
