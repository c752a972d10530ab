"""From the name of a frame to the side files that belong to it.

The name of a frame of a video is `{path without extension}-{index}-{extension}.png`, the index padded with zeros to
the digits of the video's number of frames; its side file ends in `.json` instead. Tools pad differently (also not at
all) and spell the extension differently (`MP4`), so where that exact file is not there the way in which the files of
the same video *are* written is looked up: `styles` reads it from the names in the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["Style", "json_path", "restyled", "styles", "video_of"]

_FRAME = re.compile(r"(?s:(.+))-([0-9]+)-([A-Za-z0-9]+)\.json")


class Style(NamedTuple):
    """How the frames of one video are written: digits of the index at least, and its extension."""

    digits: int
    extension: str


def json_path(name: str) -> str:
    """The side file of a picture, frame or video: its name with the extension replaced by `.json`."""
    folder, slash, file = name.rpartition("/")
    stem, dot, _ = file.rpartition(".")
    return f"{folder}{slash}{stem if dot and stem else file}.json"


def video_of(path: str) -> str:
    """What `styles` calls the video of a frame's side file; empty where the path reads like that of no frame."""
    match = _frame(path)
    return _key(match) if match else ""


def styles(file_names: Iterable[str]) -> dict[str, Style]:
    """Per video, as `{stem}-{extension in lower case}`, how the JSON files of its frames in one folder are written.

    The fewest digits found are the padding: a padded index never has fewer, an unpadded one needs no more.
    """
    found: dict[str, Style] = {}
    for name in file_names:
        if match := _frame(name):
            key, style = _key(match), Style(len(match[2]), match[3])
            found[key] = min(found.get(key, style), style)
    return found


def restyled(path: str, known: Mapping[str, Style]) -> str | None:
    """The side file of a frame as the files of its video are written; None: none are known, or it is `path` itself."""
    match = _frame(path)
    style = known.get(_key(match)) if match else None
    if match is None or style is None:
        return None
    other = f"{match[1]}-{int(match[2]):0{style.digits}d}-{style.extension}.json"
    return None if other == match[0] else path.removesuffix(match[0]) + other


def _frame(path: str) -> re.Match[str] | None:
    return _FRAME.fullmatch(path.rpartition("/")[2])


def _key(match: re.Match[str]) -> str:
    return f"{match[1]}-{match[3].lower()}"
