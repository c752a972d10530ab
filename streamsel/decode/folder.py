"""Which still pictures a source of kind `images` stands for."""

from __future__ import annotations

import fnmatch
from pathlib import Path

from streamsel.data import Source
from streamsel.decode.failure import failure
from streamsel.decode.sources import PICTURE_ENDINGS

__all__ = ["pictures"]


def pictures(source: Source) -> list[Path]:
    """The pictures that the source's location stands for, sorted by name."""
    place = Path(source.location)
    folder, pattern = (place, "*") if place.is_dir() else (place.parent, place.name)
    try:
        if place.is_file():
            return [place]
        files = [path for path in folder.iterdir() if _is_picture(path) and fnmatch.fnmatchcase(path.name, pattern)]
    except OSError as error:
        raise failure(source.id, f"{error.strerror}; change its permissions or leave it out") from None
    if not files:
        raise failure(source.id, "no picture in it; leave it out")
    return sorted(files, key=lambda path: path.name)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".") and path.is_file()
