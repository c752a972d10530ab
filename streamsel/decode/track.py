"""One opened video stream: packets in, decoded frames out; what is broken is counted, not raised."""

from __future__ import annotations

import errno
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import cast

from av.error import BlockingIOError, ExitError, FFmpegError, HTTPError
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from streamsel.decode.container import CAMERA, SILENT, TIMEOUTS, open_file, open_remote, reason
from streamsel.decode.failure import away, failure
from streamsel.decode.pipe import STANDARD_INPUT, Pipe
from streamsel.decode.scaling import MOST_PIXELS
from streamsel.errors import DiskError, SourceError

__all__ = ["Track"]

NO_TIMESTAMPS, TIMES_RESTART = 0x80, 0x200
"""libav's AVFMT_NOTIMESTAMPS and AVFMT_TS_DISCONT."""

MOST_READ_ERRORS = 100
"""So many failed reads in a row end a stream: a damaged file recovers sooner."""

GONE = frozenset([errno.ESTALE, errno.ETIMEDOUT])
"""What a share says that went away; EIO is no such sign: libav says it of damaged files, too."""

PAUSE = 0.01
"""Seconds until a camera that has no picture yet is asked again."""


class Track:
    """The first real video stream of a file or URL, opened once; `name` stands for it in errors.

    container: libav's name of the format, which is then not guessed; the location is a URL, with `v4l2` a camera's
    device file, or `-` for standard input. timeouts: seconds that any of these may take to open, and to send more.
    problems: reason -> count, of what was read so far. Not to be used by two threads at once.
    Raises SourceError when the location cannot be opened, holds no video, or is lost while being read: DiskError where
    that is a file.
    """

    def __init__(
        self,
        location: str,
        name: str,
        *,
        threads: int = 0,
        keyframes: bool = False,
        options: dict[str, str] | None = None,
        timeouts: tuple[float, float] = TIMEOUTS,
        container: str = "",
    ) -> None:
        self.name = name
        self.problems: Counter[str] = Counter()
        self.ended = False
        """Whether the last packet there is was read."""
        self.tap: Callable[[Packet[VideoStream]], None] | None = None
        """Told of each packet as it is read, whether it is decoded or not."""
        self._remote = "://" in location or bool(container)
        self._camera = container == CAMERA
        self._pipe = Pipe(0, timeouts[0]) if container and location == STANDARD_INPUT else None
        self._patience = timeouts[1]
        self._keyframes = keyframes
        self._closed = False
        self._waiting: list[Packet[VideoStream]] = []
        self._lent: Generator[Packet[VideoStream], None, None] | None = None
        self._container = (
            open_remote(self._pipe or location, name, container, options or {}, timeouts)
            if self._remote
            else open_file(location, name)
        )
        try:
            self.stream = self._chosen()
        except SourceError:
            self._container.close()
            raise
        context = self.stream.codec_context
        context.thread_type = "AUTO"
        context.thread_count = threads
        context.options = {"max_pixels": str(MOST_PIXELS)}

    @property
    def has_times(self) -> bool:
        """Whether the format has presentation times at all: raw streams have none."""
        return not self._container.format.flags & NO_TIMESTAMPS

    @property
    def times_may_restart(self) -> bool:
        """Whether the format allows the same time twice: in MPEG streams, after a cut."""
        return bool(self._container.format.flags & TIMES_RESTART)

    def frames(self, needed: Collection[int] | None = None) -> Iterator[VideoFrame]:
        """Decoded frames in presentation order, from where the track stands to its end.

        needed: pts of the frames that are asked for: of the others, those that no frame refers to are not decoded.
        """
        context = self.stream.codec_context
        context.skip_frame = "NONKEY" if self._keyframes else "DEFAULT"
        for packet in self.packets():
            if needed is not None:
                context.skip_frame = "DEFAULT" if packet.pts is None or packet.pts in needed else "NONREF"
            try:
                yield from context.decode(packet)
            except FFmpegError:
                self.problems["bad packet"] += 1
        try:
            yield from [] if self._closed else context.decode(None)
        except FFmpegError:
            self.problems["bad packet"] += 1

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets of whole pictures, from where the track stands.

        Empty ones are left out: they say 'show the last picture again' (Theora) and would end decoding. So is a
        last one that is cut off: its error would make the decoder's threads lose the pictures before it.
        """
        held = last = None
        for packet in self.useful():
            last = packet
            if held is not None:
                yield held
                held = None
            if packet.is_corrupt:
                held = packet
            else:
                yield packet
        if held is not None or (last is not None and self._more_promised(last)):
            self.problems["truncated"] += 1

    def useful(self) -> Iterator[Packet[VideoStream]]:
        """Packets that hold something, and only those of key frames where only these are decoded."""
        for packet in self._read():
            if packet.size and (packet.is_keyframe or not self._keyframes):
                yield packet

    def seek(self, pts: int) -> bool:
        """Stand about at a time, rather before than behind it; False: the seek failed."""
        self._waiting = []
        try:
            self._container.seek(pts, stream=self.stream)
        except FFmpegError:
            return False
        return True

    def put_back(self, packets: Sequence[Packet[VideoStream]]) -> None:
        """Give back packets that were read: they come first again."""
        self._waiting = list(packets)

    def leave_out_others(self) -> None:
        """Read no other stream: its sound would hide that a camera sends no pictures any more."""
        for other in self._container.streams:
            if other.index != self.stream.index:
                other.discard = Discard.all

    def close(self) -> None:
        """Let go of file and threads; frames stay valid."""
        if not self._closed:
            self._closed = True
            if self._lent:
                self._lent.close()  # it holds a packet in the camera's memory, which is about to go
            self._container.close()

    def _more_promised(self, last: Packet[VideoStream]) -> bool:
        """Whether the container's index names a packet after the last one that came."""
        if self._closed or self._keyframes:
            return False
        entries = self.stream.index_entries
        places = range(len(entries) - 1, -1, -1)
        final = next((entry for entry in map(entries.__getitem__, places) if entry.size), None)
        times = [time for time in (last.dts, last.pts) if time is not None]
        return final is not None and final.timestamp > max(times, default=0)

    def _read(self) -> Iterator[Packet[VideoStream]]:
        """All packets of the stream, going on after those that cannot be read."""
        waiting, self._waiting = self._waiting, []
        yield from waiting
        errors, heard = 0, self._hear()
        while errors < MOST_READ_ERRORS and not self._closed:
            try:
                for packet in self._demuxed():
                    errors, late = 0, time.monotonic() - heard >= self._patience
                    if self.tap is not None:
                        self.tap(packet)
                    yield packet
                    if self._closed:
                        return
                    if self._remote and late:  # what libav held back when it gave up; it would wait as long again
                        raise self._lost(SILENT)
                    heard = self._hear()
                if self._pipe and self._pipe.silent:
                    raise self._lost(SILENT)
                self.ended = True
                return
            except BlockingIOError:
                if time.monotonic() - heard > self._patience:
                    raise self._lost(SILENT) from None
                time.sleep(PAUSE)
            except FFmpegError as error:
                if self._remote and isinstance(error, (OSError, ExitError, HTTPError)):
                    raise self._lost(reason(error)) from None
                if not self._remote and error.errno in GONE:
                    raise DiskError(str(failure(self.name, f"was lost ({reason(error)}): run again"))) from None
                errors += 1
                self.problems["bad packet"] += 1
        if self._remote and not self._closed:
            raise self._lost(f"{errors} reads in a row failed")

    def _demuxed(self) -> Iterator[Packet[VideoStream]]:
        """Packets of the stream, up to an error."""
        if not self._camera:
            return self._container.demux(self.stream)
        self._lent = cast("Generator[Packet[VideoStream], None, None]", self._container.demux(self.stream))
        return map(_copied, self._lent)

    def _hear(self) -> float:
        """The time from which on the next packet is awaited."""
        if self._pipe:
            self._pipe.wait(self._patience)
        return time.monotonic()

    def _lost(self, reason: str) -> SourceError:
        again = ": run again; a file may have to be copied here first"
        return away(self.name, f"the connection was lost ({reason})", again)

    def _chosen(self) -> VideoStream:
        for stream in self._container.streams.video:
            if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
                return self._of_bearable_size(stream)
        raise failure(self.name, "holds no video that can be decoded; leave it out")

    def _of_bearable_size(self, stream: VideoStream) -> VideoStream:
        if stream.width * stream.height > MOST_PIXELS:
            raise failure(self.name, f"{stream.width} x {stream.height} is more than {MOST_PIXELS} pixels")
        return stream


def _copied(packet: Packet[VideoStream]) -> Packet[VideoStream]:
    """The packet in memory of its own: a camera takes its memory back when it is closed, while frames stay valid."""
    copy = cast("Packet[VideoStream]", Packet(bytes(packet)))
    copy.stream, copy.time_base, copy.pts, copy.dts = packet.stream, packet.time_base, packet.pts, packet.dts
    copy.duration, copy.is_keyframe = packet.duration, packet.is_keyframe
    return copy
