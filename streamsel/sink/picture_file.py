"""A picture as the bytes of a file: JPEG or PNG, by Pillow.

JPEG is written with 4:2:0 chroma, as nearly all video is stored: finer chroma would add bytes, not colours. PNG
keeps every value. No metadata is written, so equal pixels give equal bytes.
"""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image

from streamsel.data import Picture, Pixels

__all__ = ["PictureFormat", "encode", "scaled", "scaled_size"]

PictureFormat = Literal["jpg", "png"]

_PNG_EFFORT = 3
"""zlib's level: on video frames a tenth larger than 6, and three times as fast."""


def encode(pixels: Pixels, form: PictureFormat, quality: int = 95) -> bytes:
    """The file that holds these pixels.

    pixels: (H, W, 3) uint8 RGB. quality: 1..100, the JPEG scale of libjpeg; PNG ignores it.
    """
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    if form == "jpg":
        image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    else:
        image.save(buffer, "PNG", compress_level=_PNG_EFFORT)
    return buffer.getvalue()


def scaled(picture: Picture, size: int | None) -> Pixels:
    """(H, W, 3) uint8 RGB of the picture, AREA-scaled to a width of `size` (None: as it is)."""
    width, height = scaled_size(picture.width, picture.height, size)
    return picture.rgb() if (width, height) == (picture.width, picture.height) else picture.rgb(width, height)


def scaled_size(width: int, height: int, size: int | None) -> tuple[int, int]:
    """Width and height when the width becomes `size` and the aspect stays; pictures are never enlarged."""
    if size is None or size >= width:
        return width, height
    return size, max(1, round(height * size / width))
