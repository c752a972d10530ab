"""Packets of a stream as plain values: whoever keeps them keeps exact bytes, and nothing of libav's."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Protocol

import av
from av.packet import Packet
from av.video.stream import VideoStream

__all__ = ["Coded", "Encoded", "Listener", "Tap", "suffix_of", "usual_duration"]

IN_MP4: Final = frozenset(["h264", "hevc", "av1", "vp9", "mpeg4"])
"""libav's names of what players expect in mp4; everything else goes into Matroska."""

RAW: Final = frozenset(["rawvideo"])
"""What is no code at all: a second of it is as large as a minute of any other."""

UNTIMED: Final = 16
"""So many packets are held back at most until one says its time: cameras may begin without."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A packet. pts, duration: in time-base units; times are filled in where a stream has none. key: of a key frame."""

    data: bytes = field(repr=False)
    pts: int
    duration: int
    key: bool


class Coded:
    """What packets are packets of: enough to write them, also when where they came from is closed.

    codec: its name. suffix: of a file that holds them, `.mp4` or `.mkv`. usual: time-base units from one to the next.
    reorder: how many pictures come before one that is shown earlier, as far as the stream says. parameters: what a
    decoder must know, as the stream says it apart from the packets; it may be empty.
    Raises ValueError for what Matroska cannot hold, and for pictures that are not encoded at all.
    """

    def __init__(self, stream: VideoStream) -> None:
        self.time_base = stream.time_base or Fraction(1, 1000)
        self.codec = stream.codec_context.codec.canonical_name
        self.suffix = suffix_of(stream)
        if not self.suffix:
            raise ValueError(f"{self.codec}: is not encoded")
        self.reorder = stream.codec_context.reorder_depth
        self.usual = usual_duration(stream)
        self.parameters = bytes(stream.codec_context.extradata or b"")
        # A stream that nothing is written of holds a copy of all that a muxer wants to know.
        self._holder = av.open(io.BytesIO(), "w", format="matroska")
        self.template: Any = self._holder.add_stream_from_template(stream, opaque=True)

    def changes_with(self, packet: Packet[VideoStream]) -> bool:
        """Whether from this packet on it is another stream, as far as a file is concerned."""
        if not packet.has_sidedata("new_extradata"):
            return False
        return bytes(packet.get_sidedata("new_extradata")) != self.parameters


class Listener(Protocol):
    """Takes what a stream sends, in the thread that reads it: neither call may wait or raise."""

    def begins(self, coded: Coded | None) -> None:
        """What follows are packets of this; None: from here on it is nothing that could be put into a file."""
        ...

    def put(self, packet: Encoded) -> None:
        """The next packet, in the order in which they are decoded."""
        ...


class Tap:
    """Tells a listener of each packet that is read of a stream. now: gives the pts of what comes now, for streams
    without times of their own."""

    def __init__(self, stream: VideoStream, listener: Listener, now: Callable[[], int] | None = None) -> None:
        self._stream, self._listener, self._now = stream, listener, now
        self._coded: Coded | None = None
        self._deaf = False
        self._held: list[tuple[Packet[VideoStream], bytes]] = []
        self._due: int | None = None

    def __call__(self, packet: Packet[VideoStream]) -> None:
        """The next packet of the stream, none left out."""
        if not packet.size or self._deaf:
            return
        if self._coded is None:
            self._begin()
        elif self._coded.changes_with(packet):  # the stream itself does not tell what it has become
            self._coded, self._deaf = None, True
            self._listener.begins(None)
        if (coded := self._coded) is None:
            return
        if self._now is not None:
            self._listener.put(_encoded(packet, bytes(packet), self._now(), coded.usual))
        elif self._due is None:
            self._hold(packet, coded.usual)
        else:
            self._put(packet, bytes(packet), coded.usual)

    def _begin(self) -> None:
        try:
            self._coded = Coded(self._stream)
        except (ValueError, av.FFmpegError):
            self._deaf = True
        self._listener.begins(self._coded)

    def end(self) -> None:
        """Nothing more comes: what was held back does."""
        if self._held:
            self._release(self._coded.usual if self._coded else 1)

    def _hold(self, packet: Packet[VideoStream], usual: int) -> None:
        """Until one has a time to decode it: then all times before it are known, too."""
        self._held.append((packet, bytes(packet)))
        if (packet.pts is not None and packet.dts is not None) or len(self._held) >= UNTIMED:
            self._release(usual)

    def _release(self, usual: int) -> None:
        held, self._held = self._held, []
        known = [packet.pts for packet, _ in held if packet.pts is not None]
        missing = next((place for place, (packet, _) in enumerate(held) if packet.pts is not None), len(held))
        self._due = min(known, default=missing * usual) - missing * usual
        for packet, data in held:
            self._put(packet, data, usual)

    def _put(self, packet: Packet[VideoStream], data: bytes, usual: int) -> None:
        pts = packet.pts if packet.pts is not None else packet.dts if packet.dts is not None else self._due or 0
        self._due = pts + (packet.duration or usual)
        self._listener.put(_encoded(packet, data, pts, usual))


def suffix_of(stream: VideoStream) -> str:
    """Of a file that holds its packets: `.mp4` or `.mkv`; empty for pictures that are not encoded at all."""
    codec = stream.codec_context.codec.canonical_name
    return "" if codec in RAW else ".mp4" if codec in IN_MP4 else ".mkv"


def usual_duration(stream: VideoStream) -> int:
    """Time-base units from one frame to the next by the stream's rate, 1 where it is unknown."""
    if not stream.average_rate or not stream.time_base:
        return 1
    return max(1, round(1 / (Fraction(stream.average_rate) * stream.time_base)))


def _encoded(packet: Packet[VideoStream], data: bytes, pts: int, usual: int) -> Encoded:
    return Encoded(data, pts, packet.duration or usual, bool(packet.is_keyframe))
