"""The samples of a decoded frame as they lie in memory, for those who compare pictures and need no colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from streamsel.data import Pixels
from streamsel.decode.sampling import PLANAR

__all__ = ["stored_samples"]


def stored_samples(frame: VideoFrame) -> tuple[str, list[Pixels]] | None:
    """How the frame is stored, colour tags included, and the bytes of each plane, (rows, bytes) uint8, not copied.

    Frames of which both are equal show the same picture. Alpha is left out. None for formats that are not planar YUV
    or grey: these must be converted.
    """
    name = frame.format.name
    planes: tuple[Any, ...] = frame.planes[:3]  # they have the buffer protocol, which their stubs do not say
    if not PLANAR.fullmatch(name) or min(plane.line_size for plane in planes) <= 0:
        return None
    parts = zip(planes, frame.format.components, strict=False)
    samples = [_rows(plane, part.height, part.width * (2 if part.bits > 8 else 1)) for plane, part in parts]
    return f"{name} {frame.width}x{frame.height} {frame.colorspace} {frame.color_range}", samples


def _rows(plane: Any, height: int, width: int) -> Pixels:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, :width]
