"""Packets into a file that players open, without decoding or encoding anything: mp4, or Matroska."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final, cast

import av
from av.packet import Packet

from streamsel.decode.encoded import Coded, Encoded

__all__ = ["Remux", "hole_free", "needed"]

HVC1: Final = "hvc1"
"""H.265 in mp4 of which the file says the parameter sets (ISO/IEC 14496-15, 8.4.1): Apple's players show no other."""

FORMATS: Final = {".mp4": "mp4", ".mkv": "matroska"}


class Remux:
    """Writes one file, from a key frame on; its first picture is at 0, times to decode are computed anew.

    Pictures that come behind the first key frame and are shown before it are left out: they may refer to what is not
    there, and none but their like refers to them (leading pictures, as of an open group of pictures).

    file: to write to, seekable. ahead: the first packets, by which it sees how far pictures are out of order.
    frames, begin, end: what was written, in time-base units of the source; end: of the last picture.
    Methods raise OSError for what the disk refuses, ValueError for what the format does not hold.
    """

    def __init__(self, file: BinaryIO, coded: Coded, ahead: Sequence[Encoded]) -> None:
        self.frames = 0
        self.begin = self.end = ahead[0].pts
        self._coded = coded
        self._delay = max(coded.reorder, _reordered(ahead))
        self._times = [self.begin - place * coded.usual for place in range(self._delay, 0, -1)]
        self._latest: int | None = None
        self._leading = True
        with _as_os_errors():
            self._begin(file, coded)

    def _begin(self, file: BinaryIO, coded: Coded) -> None:
        # No creation time and no version: the same packets give the same file.
        self._output = av.open(file, "w", format=FORMATS[coded.suffix], options={"fflags": "+bitexact"})
        self._stream = self._output.add_stream_from_template(coded.template, opaque=True)
        if (coded.suffix, coded.codec) == (".mp4", "hevc") and coded.parameters:
            self._stream.codec_context.codec_tag = HVC1

    def write(self, packets: Sequence[Encoded]) -> None:
        """The next ones, in the order in which they are decoded."""
        with _as_os_errors():
            self._write_all(packets)

    def _write_all(self, packets: Sequence[Encoded]) -> None:
        for one in packets:
            self._leading = self._leading and (not self.frames or one.pts < self.begin)
            if not (self._leading and self.frames):
                self._write(one)

    def close(self) -> None:
        """Writes what a file ends with; nothing can be written any more, also where this raises."""
        with _as_os_errors():
            self._output.close()

    def abandon(self) -> None:
        """Lets go of the file, which is worth nothing then."""
        with suppress(av.FFmpegError, OSError, ValueError):
            self._output.close()

    def _write(self, one: Encoded) -> None:
        packet = cast("Packet[av.VideoStream]", Packet(one.data))
        dts = self._due(one.pts)
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, self._coded.time_base, one.key
        packet.dts, packet.pts, packet.duration = dts - self.begin, max(one.pts, dts) - self.begin, one.duration
        self._output.mux(packet)
        self.frames += 1
        self.end = max(self.end, one.pts + one.duration)

    def _due(self, pts: int) -> int:
        """When to decode it: the least time of the latest ones (as libavformat's compute_pkt_fields), never twice."""
        insort(self._times, pts)
        dts = self._times.pop(0)
        if self._latest is not None:
            dts = max(dts, self._latest + 1)
        self._latest = dts
        return dts


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def needed(packets: Sequence[Encoded], end: int) -> int:
    """How many packets to write at least so that all is there of them that is shown up to `end`."""
    return max((count for count, one in enumerate(packets, 1) if one.pts <= end), default=0)


def hole_free(packets: Sequence[Encoded], highest: int, end: int) -> int:
    """How many more packets to write so that all is there that is shown up to `end`, and no picture between is not.

    highest: the latest pts that was written before them.
    """
    least = needed(packets, end)
    lowest = _lowest_behind(packets)
    for count, one in enumerate(packets):
        if count >= least and lowest[count] > highest:
            return count
        highest = max(highest, one.pts)
    return len(packets)


def _lowest_behind(packets: Sequence[Encoded]) -> list[int]:
    """For each place the least pts from there on."""
    lowest: list[int] = []
    for one in reversed(packets):
        lowest.append(min(one.pts, lowest[-1]) if lowest else one.pts)
    return lowest[::-1]


def _reordered(packets: Sequence[Encoded]) -> int:
    """By how many packets, at most, one comes before another that is shown earlier."""
    most = 0
    seen: list[int] = []
    for one in packets:
        insort(seen, one.pts)
        most = max(most, len(seen) - 1 - seen.index(one.pts))
        del seen[:-64]
    return most
