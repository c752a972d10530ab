"""Names of outputs: from a place in a source to a relative path that never leaves the folder.

A frame of a video is `{path without extension}-{index}-{extension}.{format}`, the index zero-padded to the number of
digits of the video's frame count: `sub/video_1-099-mp4.png`. A frame of a live source is `{source}-{UTC
start}-{pts}.{format}`, the pts with 14 digits, so that names sort by time. A still keeps its name when it keeps its
format, `pics/a.jpg`; in another format its extension joins the name, `pics/a-png.jpg`. A still whose own name reads
like that (`a-png.jpg`) has its extension joined as well (`a-png-jpg.jpg`), so two stills of a folder never get one
name. What was extracted from a video and lies beside it is not told from its frames: give the one or the other as a
source.

A component of a path that could do harm is changed, and then ends in `~` and 16 hexadecimal digits of the SHA-256
of what it was, so different components stay different:

- empty, `.`, `..` and drive letters (`C:`): no name begins at a root or climbs;
- control characters, NUL, line and paragraph separators, backslashes, undecodable bytes: each becomes `_`;
- more than 240 bytes of UTF-8: cut (255 is the limit of common file systems, the rest is for the format);
- one that already ends in such a mark, since it could be the changed name of another.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from streamsel.data import Mark

__all__ = [
    "JPEG_EXTENSIONS",
    "STILL_EXTENSIONS",
    "clip_name",
    "digits_for",
    "frame_id",
    "frame_name",
    "live_name",
    "object_id",
    "safe_path",
    "started_at",
]

LONGEST = 240
"""Bytes of UTF-8 that a component may have before its format is appended."""

PTS_DIGITS = 14
"""Of a live frame's pts: three years of one connection in microseconds. The few below 0 come first, as `-0...`."""

JPEG_EXTENSIONS = frozenset(["jfif", "jpe", "jpeg", "jpg"])
STILL_EXTENSIONS = JPEG_EXTENSIONS | frozenset(
    ["avif", "bmp", "gif", "heic", "heif", "jp2", "pbm", "pgm", "png", "pnm", "ppm", "tga", "tif", "tiff", "webp"]
)
_EXTENSION = re.compile(r"(?s:(.+))\.([A-Za-z0-9]+)")
_HARMFUL_CATEGORIES = frozenset(["Cc", "Cs", "Zl", "Zp"])
_DRIVE = re.compile(r"[A-Za-z]:")
_CHANGED = re.compile(r"~[0-9a-f]{16}$")


def digits_for(frames: int) -> int:
    """Width of the zero-padded index in a video of so many frames: 200 frames -> 3."""
    return len(str(frames))


def frame_name(mark: Mark, digits: int, extension: str, started: str = "") -> str:
    """Relative POSIX path of the picture of one frame, ending in `.extension`.

    digits: see `digits_for`; started: for live sources the UTC start of the stream, as text without `/`.
    Different marks of one source (index for videos, name for stills, pts for live) have different names.
    """
    if mark.name:
        return f"{safe_path(_still(_still_path(mark), extension))}.{extension}"
    return f"{frame_id(mark, digits, started)}.{extension}"


def clip_name(marks: Sequence[Mark], digits: int, started: str = "") -> str:
    """Relative POSIX path of the clip that holds a sequence: named by its first frame, `.mp4`."""
    return frame_name(marks[0], digits, "mp4", started)


def frame_id(mark: Mark, digits: int, started: str = "") -> str:
    """What names one frame in a manifest, whatever the format: `sub/video_1-099-mp4`, `pics/a.jpg`."""
    if mark.name:
        return safe_path(_still_path(mark))
    if started:
        return safe_path(live_name(mark, started))
    stem, extension = _split_extension(mark.source)
    return safe_path(f"{stem}-{mark.index:0{digits}d}-{extension}")


def live_name(mark: Mark, started: str) -> str:
    """Of a live source's frame, not yet made harmless; started: see `frame_name`."""
    return f"{mark.source}-{started}-{mark.pts:0{PTS_DIGITS}d}"


def started_at(starts: Sequence[tuple[int, str]], mark: Mark) -> str:
    """The UTC start of the stream that a mark belongs to: of those (first index, text), the last not behind it.

    A camera that was reconnected counts its pts anew, so each opening has a start of its own. Empty: not live.
    """
    return next((text for first, text in reversed(list(starts)) if first <= mark.index), "")


def object_id(frame: str, place: int) -> str:
    """What names one object of a frame that has this id; place: among the frame's predictions."""
    return f"{frame}-{place}"


def safe_path(path: str) -> str:
    """The relative POSIX path with every harmful component changed as this module's text says."""
    return "/".join(_safe_component(part) for part in path.split("/"))


def _still_path(mark: Mark) -> str:
    return mark.name if mark.source in ("", ".") else f"{mark.source}/{mark.name}"


def _still(path: str, extension: str) -> str:
    """Path of a still without its new format."""
    stem, own = _split_extension(path)
    if own.lower() not in STILL_EXTENSIONS:
        stem, own = path, ""
    looks_joined = stem.rpartition("-")[2].lower() in STILL_EXTENSIONS | {""} and "-" in stem
    return stem if own == extension and not looks_joined else f"{stem}-{own}"


def _split_extension(path: str) -> tuple[str, str]:
    """Stem and extension; only letters and digits are one, so that names can be read back from the right."""
    folder, slash, name = path.rpartition("/")
    match = _EXTENSION.fullmatch(name)
    return (folder + slash + match[1], match[2]) if match else (path, "")


def _safe_component(part: str) -> str:
    safe = "".join("_" if _is_harmful(character) else character for character in part)
    if safe in ("", ".", "..") or _DRIVE.match(safe):
        safe = "_" + safe.lstrip(".").replace(":", "_")
    if safe == part and len(part.encode()) <= LONGEST and not _CHANGED.search(part):
        return part
    digest = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return safe.encode()[: LONGEST - 17].decode(errors="ignore") + "~" + digest


def _is_harmful(character: str) -> bool:
    return character == "\\" or unicodedata.category(character) in _HARMFUL_CATEGORIES
