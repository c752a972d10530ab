"""How many frames a source holds, found without decoding it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from streamsel.data import Source
from streamsel.decode.folder import pictures
from streamsel.decode.track import Track

__all__ = ["PacketScan", "count_packets", "expected_frames", "scan"]


@dataclass(frozen=True, slots=True)
class PacketScan:
    """What a demux scan saw: pts, (N,) int64, sorted, of packets that have one and will be shown; and the others."""

    pts: npt.NDArray[np.int64] = field(repr=False)
    without_pts: int = 0

    @property
    def count(self) -> int:
        """Packets in all: at least as many as frames."""
        return len(self.pts) + self.without_pts

    @property
    def unique(self) -> bool:
        """Whether each packet has a time of its own, so that a time names a frame."""
        return not self.without_pts and bool(np.all(self.pts[1:] > self.pts[:-1]))

    def rank(self, pts: int) -> int:
        """How many frames are shown before that time."""
        return int(np.searchsorted(self.pts, pts))


def scan(track: Track) -> PacketScan:
    """Read a track's packets from where it stands to its end."""
    times = [packet.pts for packet in track.packets() if not packet.is_discard]
    known = np.array([time for time in times if time is not None], np.int64)
    return PacketScan(np.sort(known), len(times) - len(known))


def count_packets(source: Source) -> PacketScan:
    """Scan a video from start to end. Raises SourceError."""
    track = Track(source.location, source.id)
    try:
        return scan(track)
    finally:
        track.close()


def expected_frames(source: Source) -> int | None:
    """About how many frames a source holds: by a video's header, else duration times rate, else a scan; None: no end.

    Raises SourceError.
    """
    if source.kind == "live":
        return None
    if source.kind == "images":
        return len(pictures(source))
    track = Track(source.location, source.id)
    try:
        return track.stream.frames or _by_duration(track) or scan(track).count
    finally:
        track.close()


def _by_duration(track: Track) -> int:
    """0 where the header has no duration or no rate."""
    stream = track.stream
    if stream.duration is None or stream.time_base is None or not stream.average_rate:
        return 0
    return round(stream.duration * stream.time_base * Fraction(stream.average_rate))
