"""One still picture, from a file or from bytes: upright as its EXIF says, 8-bit RGB; alpha is ignored."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from streamsel.data import Pixels
from streamsel.decode.scaling import MOST_PIXELS

__all__ = ["Still", "open_still", "still_size"]

STRIP: Final = 4_000_000
"""Pixels that are taken from Pillow at once."""


@dataclass(frozen=True, slots=True)
class Still:
    """pixels: (height, width, 3) uint8. format: as Pillow calls it, such as `JPEG`."""

    pixels: Pixels = field(repr=False)
    format: str


def open_still(
    file: Path | bytes,
    *,
    most_pixels: int = MOST_PIXELS,
    formats: tuple[str, ...] | None = None,
    least: tuple[int, int] | None = None,
) -> Still | str:
    """The picture, or why it cannot be opened, without its path.

    most_pixels: larger ones are refused before memory is allocated. formats: those that are tried, all unless given.
    least: width and height that are enough: a JPEG may come as a half, quarter or eighth that is no smaller, which
    takes as much less memory.
    """
    try:
        with Image.open(_readable(file), formats=formats) as image:
            if image.width * image.height > most_pixels:
                return f"{image.width} x {image.height} is more than {most_pixels} pixels"
            if least is not None:
                image.draft(None, least)
            return Still(_rgb(image), image.format or "")
    except Exception as error:  # Pillow's readers raise almost anything on broken files
        return f"cannot be decoded ({_reason(error)})"


def still_size(data: bytes, formats: tuple[str, ...] | None = None) -> int:
    """Pixels that its header says it has; 0 where it has none that can be read."""
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            return int(image.width * image.height)
    except Exception:  # as above
        return 0


def _readable(file: Path | bytes) -> Path | io.BytesIO:
    return io.BytesIO(file) if isinstance(file, bytes) else file


def _rgb(image: Image.Image) -> Pixels:
    """16-bit and float greys are scaled to their range, not cut at 255. Copies are large: none is made needlessly."""
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image, np.float64)
        most = 65535.0 if image.mode != "F" else max(float(values.max(initial=1)), 1e-9)
        grey = (values.clip(0, most) * (255 / most)).round().astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return _pixels(image if image.mode == "RGB" else image.convert("RGB"))


def _pixels(image: Image.Image) -> Pixels:
    """In strips, for Pillow makes a copy of what is asked for, and another of that."""
    if image.width * image.height <= STRIP:
        return np.asarray(image)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        pixels[top : top + rows] = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
    return pixels


def _reason(error: Exception) -> str:
    """What went wrong, on one line and without the file's path."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    names_a_path = "/" in text or "\\" in text or "<_io." in text
    return text if text and text.isprintable() and not names_a_path else type(error).__name__
