"""Seeking to where a wanted frame can be decoded from: the last key frame that is shown no later."""

from __future__ import annotations

from fractions import Fraction

from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.decode.track import Track

__all__ = ["land"]

MOST_TRIES = 12
"""So many times a seek is tried further back: with steps that double, up to 17 minutes."""


def land(track: Track, pts: int) -> int | None:
    """Stand at the key frame from which the frame at `pts` can be decoded; its pts, or None: it was not found.

    A seek goes by decoding times and may end behind the frame that is wanted, or, in MPEG streams, between two key
    frames; then it is tried further back.
    """
    half_second = round(1 / (2 * (track.stream.time_base or Fraction(1, 1000))))
    target, back = pts, 1
    for _ in range(MOST_TRIES):
        if not track.seek(target):
            return None
        first, packets = _from_key(track, pts)
        if packets:
            track.put_back(packets)
            return _shown(packets[0])
        target, back = min(target, first) - back, max(2 * back, half_second)
    return None


def _from_key(track: Track, pts: int) -> tuple[int, list[Packet[VideoStream]]]:
    """Time of the first packet here, and packets from the last key frame shown by `pts` to one decoded after it."""
    first: int | None = None
    packets: list[Packet[VideoStream]] = []
    for packet in track.useful():
        first = _decoded(packet) if first is None else first
        if packet.is_keyframe and _shown(packet) <= pts:
            packets = [packet]
            if not track.times_may_restart:  # then the container has an index, and its seeks are exact
                break
        elif packets:
            packets.append(packet)
        if _decoded(packet) > pts:
            break
    return pts if first is None else first, packets


def _shown(packet: Packet[VideoStream]) -> int:
    return packet.pts if packet.pts is not None else _decoded(packet)


def _decoded(packet: Packet[VideoStream]) -> int:
    """The packet's decoding time; its presentation time where it has none, and 0 where it has neither."""
    known = packet.dts if packet.dts is not None else packet.pts
    return 0 if known is None else known
