"""A 64 x 64 I420 sample of a decoded frame, read straight from its planes: a few tens of microseconds at 1080p."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from streamsel.data import Pixels
from streamsel.decode.looking import Box
from streamsel.decode.scaling import scale

__all__ = ["Box", "sample", "sample_rgb"]


SIZE = 64
PARTS = ((slice(0, 64), 64), (slice(64, 80), 32), (slice(80, 96), 32))
"""Rows of the sample that Y, U and V fill, and the side of the square each of them is."""

PLANAR = re.compile(r"yuv[aj]?4\d\dp((9|10|12|14|16)le)?|gray((9|10|12|14|16)le)?")
INTERLEAVED = {  # pixel format -> for Y, U, V: plane, first sample, samples from one to the next
    "nv12": ((0, 0, 1), (1, 0, 2), (1, 1, 2)),
    "nv16": ((0, 0, 1), (1, 0, 2), (1, 1, 2)),
    "nv21": ((0, 0, 1), (1, 1, 2), (1, 0, 2)),
    "yuyv422": ((0, 0, 2), (0, 1, 4), (0, 3, 4)),
    "uyvy422": ((0, 1, 2), (0, 0, 4), (0, 2, 4)),
}


@dataclass(frozen=True, slots=True)
class Gather:
    """Where one component's samples lie: rows of the result, plane, flat indexes into it, bits beyond eight."""

    rows: slice
    plane: int
    places: npt.NDArray[np.intp]
    shift: int


def sample(frame: VideoFrame, box: Box | None = None) -> Pixels:
    """(96, 64) uint8: Y 64 x 64, then U and V 32 x 32 as 16 rows each; unfiltered, of `box` or the whole frame.

    Formats other than planar and semi-planar YUV and grey are converted to YUV 4:2:0 first.
    """
    planes: tuple[Any, ...] = frame.planes  # they have the buffer protocol, which their stubs do not say
    line_sizes = tuple([plane.line_size for plane in planes])
    gathers = _gathers(frame.format.name, frame.width, frame.height, line_sizes, box)
    if not gathers:
        return sample(_as_yuv(frame, box), box)
    out = np.empty((96, SIZE), np.uint8)
    for gather in gathers:
        rows = out[gather.rows]
        if gather.plane < 0:
            rows.fill(128)
        elif gather.shift:
            wide = np.frombuffer(planes[gather.plane], np.uint16).take(gather.places, mode="clip")
            rows[:] = wide >> gather.shift
        else:
            np.frombuffer(planes[gather.plane], np.uint8).take(gather.places, out=rows, mode="clip")
    out.flags.writeable = False
    return out


def sample_rgb(pixels: Pixels) -> Pixels:
    """The same of an RGB picture, (height, width, 3) uint8."""
    height, width = pixels.shape[:2]
    ys, xs = _positions(SIZE, height, 0, 1, 1), _positions(SIZE, width, 0, 1, 1)
    small = VideoFrame.from_ndarray(np.ascontiguousarray(pixels[np.ix_(ys, xs)]), format="rgb24")
    return sample(_as_yuv(small, None))


def _as_yuv(frame: VideoFrame, box: Box | None) -> VideoFrame:
    """The frame as yuv420p: 64 x 64 unless a box must be cut out of it."""
    if box is None:
        return scale(frame, SIZE, SIZE, "yuv420p", "POINT")
    return scale(frame, frame.width, frame.height, "yuv420p", "POINT")


@lru_cache(maxsize=64)
def _gathers(name: str, width: int, height: int, line_sizes: Sequence[int], box: Box | None) -> tuple[Gather, ...]:
    """How to read the three components of such a frame; empty when its planes cannot be read directly."""
    layout = _layout(name)
    if not layout or min(line_sizes) <= 0:
        return ()
    parts = VideoFormat(name, width, height).components
    box = box or (width, height, 0, 0)
    gathers = []
    for (rows, side), (plane, first, step), part in zip(PARTS, layout, (*parts[:3], *parts[:1] * 2), strict=False):
        shift = max(part.bits - 8, 0)
        if plane < 0:
            gathers.append(Gather(rows, plane, np.empty(0, np.intp), 0))
            continue
        ys = _positions(side, box[1], box[3], part.height, height)
        xs = _positions(side, box[0], box[2], part.width, width) * step + first
        line = line_sizes[plane] // (2 if shift else 1)
        gathers.append(Gather(rows, plane, (ys[:, None] * line + xs).reshape(-1, SIZE), shift))
    return tuple(gathers)


def _layout(name: str) -> tuple[tuple[int, int, int], ...]:
    """For Y, U and V: plane (-1: none, all 128), first sample, step; empty for formats not known."""
    if not PLANAR.fullmatch(name):
        return INTERLEAVED.get(name, ())
    grey = name.startswith("gray")
    return ((0, 0, 1), (-1, 0, 1), (-1, 0, 1)) if grey else ((0, 0, 1), (1, 0, 1), (2, 0, 1))


def _positions(count: int, extent: int, offset: int, part: int, whole: int) -> npt.NDArray[np.intp]:
    """Middles of `count` equal parts of [offset, offset + extent), on a component `part` samples of `whole` wide."""
    middles = 2 * count * offset + (2 * np.arange(count, dtype=np.int64) + 1) * extent
    return (middles * part // (2 * count * whole)).astype(np.intp)
