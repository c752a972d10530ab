"""Scaling and colour conversion by swscale: one scaler per thread and kind of conversion, made once."""

from __future__ import annotations

import threading
from typing import Any, Literal

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from streamsel.data import Pixels
from streamsel.errors import SourceError, UsageError

__all__ = ["MOST_PIXELS", "frame_of", "rgb_of", "scale"]

MOST_PIXELS = 16384 * 16384
"""Larger pictures are refused before memory is allocated for them."""

MOST_SCALERS = 8

Key = tuple[str, int, int, int, int, str, str]


class _Scalers(threading.local):
    """The calling thread's scalers: swscale contexts must not be shared, and are dear to set up."""

    def __init__(self) -> None:
        self.by_key: dict[Key, VideoReformatter] = {}

    def get(self, key: Key) -> VideoReformatter:
        scaler = self.by_key.pop(key, None) or VideoReformatter()
        self.by_key[key] = scaler  # last in the dict: most recently used
        if len(self.by_key) > MOST_SCALERS:
            del self.by_key[next(iter(self.by_key))]
        return scaler


_scalers = _Scalers()


def scale(
    frame: VideoFrame, width: int, height: int, pixel_format: str, how: Literal["AREA", "POINT"] = "AREA"
) -> VideoFrame:
    """The frame in another size and pixel format, in a single step; colour matrix and range as the frame says.

    Raises UsageError for a size that no picture can have, SourceError where swscale cannot: of very thin pictures.
    """
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise UsageError(f"a picture of {width} x {height} cannot be made: 1 to {MOST_PIXELS} pixels are possible")
    key = (frame.format.name, frame.width, frame.height, width, height, pixel_format, how)
    flags = Interpolation[how] | Interpolation.FULL_CHR_H_INP
    try:
        return _scalers.get(key).reformat(frame, width, height, pixel_format, interpolation=flags, threads=1)
    except FFmpegError:
        raise _unscalable(frame.width, frame.height) from None


def frame_of(pixels: Pixels) -> VideoFrame:
    """(height, width, 3) uint8 RGB as a frame to be scaled. Raises SourceError for very thin pictures."""
    try:
        return VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    except FFmpegError:
        raise _unscalable(pixels.shape[1], pixels.shape[0]) from None


def rgb_of(frame: VideoFrame, width: int, height: int) -> Pixels:
    """(height, width, 3) uint8 RGB, AREA-scaled; alpha is ignored."""
    plane: Any = scale(frame, width, height, "rgb24").planes[0]  # has the buffer protocol; its stub does not say so
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, : width * 3]
    return np.array(rows).reshape(height, width, 3)


def _unscalable(width: int, height: int) -> SourceError:
    return SourceError(f"a picture of {width} x {height} cannot be scaled: too thin")
