"""A sequence of frames as one H.264 clip in MP4, the same bytes each time.

libx264 with one thread, so that the number of cores does not show; no creation time and no encoder tag. Times keep
their relations: the clip's time base is that of the source, its first frame is at 0. Colours are BT.709, marked
so. H.264 with 4:2:0 chroma needs even sizes: an odd last row or column is repeated once.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import av
import numpy as np
from av.packet import Packet
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream

from streamsel.data import Frame, Pixels
from streamsel.errors import SinkError
from streamsel.sink.picture_file import scaled_size

__all__ = ["encode_clip"]

_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INP
"""Conversion that neither shifts colours nor depends on the processor's instructions."""


def encode_clip(frames: Sequence[Frame], quality: int = 95, size: int | None = None) -> bytes:
    """The MP4 file that holds these frames, all as large as the first.

    quality: 1..100, mapped onto x264's CRF 51..14 (95 -> 16). size: width, as for pictures; never enlarged. Raises
    SinkError for what H.264 cannot hold.
    """
    first = frames[0].picture
    width, height = scaled_size(first.width, first.height, size)
    try:
        return _encoded(frames, quality, width, height)
    except (av.FFmpegError, OverflowError) as error:
        raise SinkError(
            f"{frames[0].mark.source!r}: {width} x {height} pixels in time base {frames[0].mark.time_base} cannot be "
            "made a clip: use --size, or --format jpg"
        ) from error


def _encoded(frames: Sequence[Frame], quality: int, width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = _stream(container, frames, quality, width + width % 2, height + height % 2)
        times = _times(frames)
        gaps = np.diff(times).tolist() or [1]
        lasting = dict(zip(times, [*gaps, gaps[-1]], strict=False))
        for frame, pts in zip(frames, times, strict=True):
            picture = _video_frame(frame.picture.rgb(width, height))
            picture.pts, picture.time_base = pts, frame.mark.time_base
            container.mux(_timed(stream.encode(picture), lasting))
        container.mux(_timed(stream.encode(None), lasting))
    return buffer.getvalue()


def _timed(packets: Sequence[Packet[VideoStream]], lasting: Mapping[int, int]) -> Sequence[Packet[VideoStream]]:
    """Packets that say how long their picture lasts: of the last one nothing else does; it lasts as the one before."""
    for packet in packets:
        packet.duration = lasting[packet.pts or 0]
    return packets


def _stream(
    container: av.container.OutputContainer, frames: Sequence[Frame], quality: int, width: int, height: int
) -> VideoStream:
    # mbtree reads memory that it has not written: with it, equal frames sometimes give other bytes.
    options = {"crf": str(51 - round(0.37 * quality)), "preset": "medium", "mbtree": "0"}
    stream = container.add_stream("libx264", options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = frames[0].mark.time_base
    context = stream.codec_context
    context.time_base = frames[0].mark.time_base
    context.thread_count = 1
    context.flags |= av.codec.context.Flags.bitexact
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _times(frames: Sequence[Frame]) -> list[int]:
    """pts from 0; one that does not rise, as broken sources have, is put one unit after its forerunner."""
    times = [0]
    for frame in frames[1:]:
        times.append(max(times[-1] + 1, frame.mark.pts - frames[0].mark.pts))
    return times


def _video_frame(pixels: Pixels) -> av.VideoFrame:
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = av.VideoFrame.from_ndarray(even, format="rgb24")
    return frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=_EXACT,
        threads=1,
    )
