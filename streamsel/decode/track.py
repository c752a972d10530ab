"""One opened video stream: packets in, decoded frames out; what is broken is counted, not raised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from streamsel.decode.scaling import MOST_PIXELS
from streamsel.errors import SourceError

__all__ = ["Track"]

MOST_READ_ERRORS = 100
"""So many failed reads in a row end a stream: a damaged file recovers sooner."""


class Track:
    """The first real video stream of a file or URL, opened once. Raises SourceError, naming it `name`."""

    def __init__(self, location: str, name: str, *, threads: int = 0, keyframes: bool = False) -> None:
        self.name = name
        self.problems: Counter[str] = Counter()
        self._closed = False
        self._container = self._opened(location)
        try:
            self.stream = self._chosen()
        except SourceError:
            self._container.close()
            raise
        context = self.stream.codec_context
        context.thread_type = "AUTO"
        context.thread_count = threads
        context.options = {"max_pixels": str(MOST_PIXELS)}
        if keyframes:
            context.skip_frame = "NONKEY"

    def _opened(self, location: str) -> InputContainer:
        url = location if "://" in location else f"file:{location}"
        try:
            return av.open(url)
        except (FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise SourceError(f"{self.name}: cannot be opened as a video: {reason}") from None

    def _chosen(self) -> VideoStream:
        for stream in self._container.streams.video:
            if stream.codec_context is not None and not stream.disposition & stream.disposition.attached_pic:
                return stream
        raise SourceError(f"{self.name}: holds no video that can be decoded; leave it out")

    def frames(self) -> Iterator[VideoFrame]:
        """Decoded frames in presentation order, from where the track stands to its end."""
        context = self.stream.codec_context
        for packet in self._packets():
            try:
                yield from context.decode(packet)
            except FFmpegError:
                self.problems["bad packet"] += 1
        try:
            yield from [] if self._closed else context.decode(None)
        except FFmpegError:
            self.problems["bad packet"] += 1

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets that hold something. Empty ones say 'repeat the last frame' (Theora) and would end decoding."""
        errors = 0
        while errors < MOST_READ_ERRORS and not self._closed:
            try:
                for packet in self._container.demux(self.stream):
                    if packet.size:
                        errors = 0
                        yield packet
                    if self._closed:
                        break
                return
            except FFmpegError:
                errors += 1
                self.problems["bad packet"] += 1

    def seek(self, pts: int) -> bool:
        """Stand at a key frame from which the frame at `pts` can be decoded; False: this source cannot."""
        try:
            self._container.seek(pts, stream=self.stream)
        except FFmpegError:
            return False
        return True

    def close(self) -> None:
        """Let go of file and threads; frames stay valid."""
        if not self._closed:
            self._closed = True
            self._container.close()
