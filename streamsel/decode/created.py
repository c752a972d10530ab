"""When a file was recorded, as it says itself: `creation_time` of a video's container, EXIF of a picture."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PIL import Image

from streamsel.data import Source
from streamsel.decode.container import open_file
from streamsel.errors import SourceError

__all__ = ["EARLIEST", "created", "taken_on"]

EARLIEST: Final = 1990
"""Before, a clock was not set: cameras begin with 1904, 1970 or 1980."""
_EXIF: Final = 0x8769
_ORIGINAL, _CHANGED = 0x9003, 0x0132
"""DateTimeOriginal, and DateTime (EXIF 2.32)."""


def created(source: Source) -> datetime | None:
    """UTC time at which a video file begins; None where it does not say, or cannot be opened."""
    if source.kind != "video" or "://" in source.location:
        return None
    try:
        with open_file(source.location, source.id) as container:
            found = datetime.fromisoformat(container.metadata.get("creation_time", ""))
    except (SourceError, ValueError):
        return None
    found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    return found if found.year >= EARLIEST else None


def taken_on(source: Source, name: str) -> str | None:
    """Day on which a picture of a folder was taken, `2024-05-17`, by the camera's own clock; None: it does not say."""
    place = Path(source.location)
    try:
        with Image.open(place / name if place.is_dir() else place.parent / name) as image:
            exif = image.getexif()
            told = exif.get_ifd(_EXIF).get(_ORIGINAL) or exif.get(_CHANGED) or ""
            found = datetime.strptime(str(told)[:10], "%Y:%m:%d")  # EXIF has no zone
    except Exception:  # Pillow's readers raise almost anything on broken files
        return None
    return found.date().isoformat() if found.year >= EARLIEST else None
