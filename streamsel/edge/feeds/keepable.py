"""Which pictures can be kept: picks are JPEGs, and a JPEG holds no picture of any size."""

from __future__ import annotations

from typing import Final

from streamsel.data import Picture
from streamsel.sink.picture_file import JPEG_LONGEST

__all__ = ["TOO_LARGE", "too_large"]

TOO_LARGE: Final = "too large a picture"
"""Why a frame is turned away before it is looked at: as a pick it could never be written."""


def too_large(picture: Picture) -> bool:
    """Whether a side is longer than a JPEG's may be."""
    return max(picture.width, picture.height) > JPEG_LONGEST
