"""How many frames a source holds, found without decoding it."""

from __future__ import annotations

from array import array
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Source
from streamsel.decode.folder import pictures
from streamsel.decode.looking import Looking
from streamsel.decode.track import Track

__all__ = ["PacketScan", "count_packets", "expected_frames", "packet_count", "scan"]

EXACT: Final = 1e-9
"""Seconds by which a time may be off by rounding."""


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
    times, without = array("q"), 0
    for packet in track.packets():
        if packet.pts is None:
            without += 1
        elif not packet.is_discard:
            times.append(packet.pts)
    return PacketScan(np.sort(np.frombuffer(times, np.int64)), without)


def count_packets(source: Source) -> PacketScan:
    """Scan a video from start to end, which reads all of it. Raises SourceError."""
    with closing(Track(source.location, source.id)) as track:
        return scan(track)


def packet_count(source: Source) -> int:
    """How many pictures a video holds, without reading all of it where its container has a full index (mp4, mov, avi).

    At least as many as can be decoded. Raises SourceError.
    """
    with closing(Track(source.location, source.id)) as track:
        return _by_index(track) or scan(track).count


def expected_frames(
    source: Source, start: Fraction | None = None, end: Fraction | None = None, looking: Looking | None = None
) -> int | None:
    """About how many frames of a source will be looked at: by a video's index, header, or duration times rate, else a
    scan; a URL without an index is not read for `fps` or key frames, and all of its frames are counted.

    start, end: seconds since the first frame; only those from start on and before end count, of what has times: none
    where end is not behind start. looking: which of them, all unless given. None for what has no end. Raises
    SourceError.
    """
    if source.kind == "live":
        return None
    looking = looking or Looking()
    if source.kind == "images":
        return -(-len(pictures(source)) // looking.every)
    with closing(Track(source.location, source.id, keyframes=looking.keyframes)) as track:
        chosen = looking.keyframes or looking.fps is not None
        if start is not None or end is not None or (chosen and (_by_index(track) or "://" not in source.location)):
            return -(-_among(track, start or Fraction(0), end, looking) // looking.every)
        frames = _by_index(track) or track.stream.frames or _by_duration(track) or scan(track).count
    return -(-frames // looking.every)


def _among(track: Track, start: Fraction, end: Fraction | None, looking: Looking) -> int:
    """Those of the index, else of a scan, that are looked at; by the header's rate where packets have no times.

    Duration times rate would be a few frames off, and a run be refused that has them.
    """
    times, rate = np.sort(np.array(_index(track, looking.keyframes), np.int64)), track.stream.average_rate
    packets = PacketScan(times) if len(times) else scan(track)
    if packets.without_pts or not track.stream.time_base:
        even = Fraction(0) if looking.keyframes else rate or Fraction(0)
        frames = _at_rate(packets.count, even, start, end)
        return min(frames, ceil(frames * looking.fps / rate)) if looking.fps and rate else frames
    seconds = (packets.pts - packets.pts[:1]) * float(track.stream.time_base)
    first, last = np.searchsorted(seconds, [float(start) - EXACT, np.inf if end is None else float(end) - EXACT])
    if looking.fps is None:
        return int(max(0, last - first))
    steps = np.floor(seconds * float(looking.fps) + EXACT)
    return int(np.count_nonzero(np.diff(steps, prepend=-1)[first:last]))


def _at_rate(frames: int, rate: Fraction, start: Fraction, end: Fraction | None) -> int:
    """How many of so many frames are between these times; all of them at rate 0, where it is not known or not even."""
    last = frames if end is None or not rate else min(frames, ceil(end * rate))
    return last - min(last, ceil(start * rate))


def _by_index(track: Track) -> int:
    return len(_index(track))


def _index(track: Track, keyframes: bool = False) -> list[int]:
    """Times of the packets that will be shown; empty where the container has no index, or one of key frames only.

    keyframes: of these alone, by an index of all.
    """
    entries = track.stream.index_entries
    if not track.stream.frames or len(entries) < track.stream.frames:
        return []
    every = map(entries.__getitem__, range(len(entries)))
    shown = (entry for entry in every if entry.size and not entry.is_discard)
    return [entry.timestamp for entry in shown if entry.is_keyframe or not keyframes]


def _by_duration(track: Track) -> int:
    """0 where the header has no duration or no rate."""
    stream = track.stream
    if stream.duration is None or stream.time_base is None or not stream.average_rate:
        return 0
    return round(stream.duration * stream.time_base * Fraction(stream.average_rate))
