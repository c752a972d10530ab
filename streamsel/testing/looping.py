"""A clip over and over, or one after the other, as one file: packets are copied, nothing is encoded again."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av

__all__ = ["joined", "looped"]


def looped(video: Path, target: Path, *, times: int, speed: int = 1) -> Path:
    """Write an mp4 that shows the video so many times, each frame for 1/speed of its time; gives its path."""
    return joined([video] * times, target, speed=speed)


def joined(videos: Iterable[Path], target: Path, *, speed: int = 1) -> Path:
    """Write a file that shows videos of one codec and time base, each frame for 1/speed of its time; gives its path.

    Where they differ in size, it must be one that says so within the stream, as `.ts` does.
    """
    with av.open(target, "w") as into:
        stream = None
        begins = 0
        for video in videos:
            with av.open(video) as source:
                origin = source.streams.video[0]
                stream = stream or into.add_stream_from_template(origin)
                packets = [packet for packet in source.demux(origin) if packet.size and packet.dts is not None]
                first = packets[0].dts or 0
                for packet in packets:
                    packet.pts = ((packet.pts or 0) - first + begins) // speed
                    packet.dts = ((packet.dts or 0) - first + begins) // speed
                    packet.time_base = origin.time_base or Fraction(1, 1000)
                    packet.stream = stream
                begins += (origin.duration or 0) or (packets[-1].dts or 0) * speed
                for packet in packets:
                    into.mux(packet)
    return target
