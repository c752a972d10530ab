"""A picture as the bytes of a file: JPEG or PNG, by Pillow.

JPEG is written with 4:2:0 chroma, as nearly all video is stored: 4:4:4 takes a fifth to a third more bytes for
detail that the video did not have. PNG keeps every value. No metadata is written, so equal pixels give equal bytes.
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO, Final, Literal

from PIL import Image

from streamsel.data import Picture, Pixels
from streamsel.errors import SinkError

__all__ = ["JPEG_LONGEST", "PictureFormat", "encode", "scaled", "scaled_size"]

PictureFormat = Literal["jpg", "png"]

JPEG_LONGEST: Final = 65_500
"""Pixels of a side; libjpeg's limit."""

_PNG_EFFORT = 3
"""zlib's level: on video frames 2 to 12 % larger than 6, and twice to three times as fast."""


def encode(pixels: Pixels, form: PictureFormat, quality: int = 95) -> bytes:
    """The file that holds these pixels.

    pixels: (H, W, 3) uint8 RGB. quality: 1..100, the JPEG scale of libjpeg; PNG ignores it. Raises SinkError for
    what the format cannot hold.
    """
    height, width = pixels.shape[:2]
    if form == "jpg" and max(width, height) > JPEG_LONGEST:
        raise SinkError(f"{width} x {height} pixels do not fit into a JPEG: use --format png, or --size")
    image = Image.fromarray(pixels)
    with _memory() as file:
        if form == "jpg":
            image.save(file, "JPEG", quality=quality, subsampling="4:2:0")
        else:
            image.save(file, "PNG", compress_level=_PNG_EFFORT)
        file.seek(0)
        return file.read()


def _memory() -> BinaryIO:
    """A file in memory. Where the system knows it, Pillow lets other threads, as those that decode, go on meanwhile."""
    return os.fdopen(os.memfd_create("picture"), "w+b") if hasattr(os, "memfd_create") else io.BytesIO()


def scaled(picture: Picture, size: int | None) -> Pixels:
    """(H, W, 3) uint8 RGB of the picture, AREA-scaled to a width of `size` (None: as it is)."""
    width, height = scaled_size(picture.width, picture.height, size)
    return picture.rgb() if (width, height) == (picture.width, picture.height) else picture.rgb(width, height)


def scaled_size(width: int, height: int, size: int | None) -> tuple[int, int]:
    """Width and height when the width becomes `size` and the aspect stays; pictures are never enlarged."""
    if size is None or size >= width:
        return width, height
    return size, max(1, round(height * size / width))
