"""What the status page and the metrics show of a running edge service; the loop writes it, any thread reads it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Histogram

from streamsel.daemon.metrics import QUIET, SECONDS
from streamsel.data import Box, Pixels
from streamsel.decode.scaling import frame_of, rgb_of
from streamsel.edge.process.memory_limit import Memory
from streamsel.edge.standing import Standing
from streamsel.errors import StreamselError
from streamsel.sink.picture_file import encode

__all__ = ["Board", "Disk", "Outbound", "Shown"]

MOST_SHOWN: Final = 24
"""Of so many picks, the latest, thumbnails stay in memory: together about half a megabyte."""

WIDEST, HIGHEST, QUALITY = 320, 640, 80
"""Of a thumbnail: pixels, and libjpeg's scale."""

OFTEN: Final = 1.0
"""Seconds between two looks at the disk and the outboxes."""


@dataclass(frozen=True, slots=True)
class Disk:
    """nbytes: of pictures and clips that are kept. free: bytes of their disk. removed: how many the quota took away.

    trouble: why the quota does not hold; empty: it does.
    """

    nbytes: int = 0
    free: int = 0
    removed: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Outbound:
    """An outbox by its name: records and bytes that wait, how many arrived, how many its policy dropped."""

    name: str
    waiting: int = 0
    nbytes: int = 0
    delivered: int = 0
    dropped: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A pick as the page shows it. number: 1 for the first of this process. taken: UTC. thumbnail: JPEG, or empty.

    box: of an object.
    """

    number: int
    source: str
    taken: datetime
    reason: str
    distance: float | None
    thumbnail: bytes = field(repr=False)
    box: Box | None = None


class Board:
    """queued, nbytes: frames that wait for the model, and their bytes; memory: of the process. Read by whatever thread
    asks.

    waiting: frames that wait for the others of their sequence, and their bytes.
    ring: bytes of encoded video that are kept for clips, and those that fell out for want of room.
    disk, outboxes: read in the loop's thread by `turned`, at most once a second. now: UTC seconds since 1970. ticks:
    seconds that never jump.
    """

    def __init__(
        self,
        standings: Sequence[Standing],
        *,
        model: str = "",
        queued: Callable[[], int] = lambda: 0,
        nbytes: Callable[[], int] = lambda: 0,
        waiting: Callable[[], tuple[int, int]] = lambda: (0, 0),
        ring: Callable[[], tuple[int, int]] = lambda: (0, 0),
        disk: Callable[[], Disk] = Disk,
        outboxes: Callable[[], Sequence[Outbound]] = tuple,
        memory: Callable[[], Memory] = Memory,
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.standings, self.model, self.queued, self.nbytes = tuple(standings), model, queued, nbytes
        self.memory, self.waiting, self.ring = memory, waiting, ring
        self._read_disk, self._read_outboxes, self.now, self._ticks = disk, outboxes, now, ticks
        self._began = self._turned = ticks()
        self._looked = float("-inf")
        self._lock = threading.Lock()
        self._shown: deque[Shown] = deque(maxlen=MOST_SHOWN)
        self._count = 0
        self.disk, self.outboxes = Disk(), tuple[Outbound, ...]()
        self.commits = Histogram("streamsel_edge_commit_seconds", "Of one commit.", buckets=SECONDS, registry=None)
        """Whoever serves metrics registers it."""

    def picked(
        self,
        source: str,
        taken: datetime,
        reason: str,
        distance: float | None,
        rgb: Pixels,
        box: Box | None = None,
    ) -> None:
        """A pick was committed. rgb: (H, W, 3) uint8 of its picture, of any size; a small copy is kept. box: of an
        object."""
        thumbnail = _thumbnail(rgb)
        with self._lock:
            self._count += 1
            self._shown.append(Shown(self._count, source, taken.astimezone(UTC), reason, distance, thumbnail, box))

    def committed(self, seconds: float) -> None:
        """So long took a commit."""
        self.commits.observe(seconds)

    def turned(self) -> None:
        """The loop came round, whether there was anything to do or not."""
        self._turned = self._ticks()
        if self._turned - self._looked >= OFTEN:
            self._looked = self._turned
            with suppress(OSError):  # of a disk that is away; whoever writes to it tells of that
                self.disk = self._read_disk()
            self.outboxes = tuple(self._read_outboxes())

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The latest picks, the newest first."""
        with self._lock:
            return tuple(reversed(self._shown))

    @property
    def uptime(self) -> float:
        """Seconds since it was made."""
        return self._ticks() - self._began

    @property
    def still(self) -> float:
        """Seconds since the loop last turned."""
        return self._ticks() - self._turned

    @property
    def healthy(self) -> bool:
        """Whether the loop still turns; a camera that is away makes nobody ill."""
        return self.still < QUIET

    def since(self, standing: Standing) -> float | None:
        """Seconds since a source's latest frame; None before its first."""
        return max(0.0, self.now() - standing.last) if standing.last else None


def _thumbnail(rgb: Pixels) -> bytes:
    """JPEG; empty of a picture that is too thin to be scaled."""
    height, width = rgb.shape[:2]
    smaller = min(1.0, WIDEST / width, HIGHEST / height)
    with suppress(StreamselError):
        small = rgb_of(frame_of(rgb), max(1, round(width * smaller)), max(1, round(height * smaller)))
        return encode(small, "jpg", QUALITY)
    return b""
