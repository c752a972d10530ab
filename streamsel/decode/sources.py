"""What the user names -> sources: files, folders, globs, folders of pictures, URLs."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from streamsel.data import Source, SourceKind
from streamsel.decode.failure import failure
from streamsel.plain_source import plain_source

__all__ = ["LIVE_SCHEMES", "PICTURE_ENDINGS", "VIDEO_ENDINGS", "expand"]

# fmt: off
VIDEO_ENDINGS = frozenset([
    ".3g2", ".3gp", ".asf", ".av1", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265", ".hevc",
    ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".mxf", ".nut", ".obu", ".ogg", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm",
    ".wmv", ".y4m",
])
PICTURE_ENDINGS = frozenset([
    ".avif", ".bmp", ".dib", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm",
    ".sgi", ".tga", ".tif", ".tiff", ".webp",
])
# fmt: on
LIVE_SCHEMES = frozenset(["rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp"])
FILE_SCHEMES = frozenset(["http", "https"])
PASSED = ("", ".", "..")


@dataclass(frozen=True, slots=True)
class Found:
    """A source before it has an id: the last `depth` of its steps, or more of them where that is not unique."""

    location: str = field(repr=False)
    kind: SourceKind
    steps: tuple[str, ...]
    depth: int

    def id(self, longer: int = 0) -> str:
        return "/".join(self.steps[-self.depth - longer :])


def expand(arguments: Sequence[str]) -> list[Source]:
    """Turn arguments into sources, each place once: in the order given, sorted by name inside folders.

    A folder stands for all videos below it, and for each folder in it that directly holds pictures; a glob (`**` goes
    through folders) for what it matches; a file for itself, whatever its ending; `rtsp://` and the like are live.
    Ids are relative to the folder given, and begin with as many of the folders above it as make them unique.
    Hidden files and folders are passed over. What cannot be read below a folder becomes a source that says so when it
    is opened. Raises SourceError when an argument is not there, cannot be read or holds neither video nor picture.
    """
    found = {one.location: one for argument in arguments for one in _found(argument)}
    ids = _unique(list(found.values()))
    return [Source(name, one.location, one.kind) for name, one in zip(ids, found.values(), strict=True)]


def _unique(found: Sequence[Found]) -> list[str]:
    """An id for each: longer where two would be equal, and numbered where that does not help."""
    longer = [0] * len(found)
    for _ in range(max((len(one.steps) for one in found), default=0)):
        ids = [one.id(more) for one, more in zip(found, longer, strict=True)]
        count = Counter(ids)
        longer = [more + (count[name] > 1) for name, more in zip(ids, longer, strict=True)]
    taken: Counter[str] = Counter()
    names = []
    for one, more in zip(found, longer, strict=True):
        name = PurePosixPath(_printable(one.id(more)))
        taken[str(name)] += 1
        ordinal = taken[str(name)]
        names.append(str(name if ordinal == 1 else name.with_name(f"{name.stem}~{ordinal}{name.suffix}")))
    return names


def _printable(name: str) -> str:
    """The name with bytes that are no text replaced: it goes into JSON, SQLite and file names."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _found(argument: str) -> Iterable[Found]:
    if "://" in argument:
        return [_at_url(argument)]
    path = Path(argument)
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        return [_at(path, 1)]
    return _matching(argument)


def _at_url(url: str) -> Found:
    plain = plain_source(url)
    try:
        parts, shown = urlsplit(url), urlsplit(plain)
    except ValueError:  # which may say user and password
        raise failure(plain, "no URL; correct it, and write signs of a password as %XX, as %2F for /") from None
    scheme = parts.scheme.lower()
    if scheme not in LIVE_SCHEMES | FILE_SCHEMES:
        known = ", ".join(sorted(LIVE_SCHEMES | FILE_SCHEMES))
        raise failure(plain, f"{scheme}:// cannot be read; what can: {known}")
    live = scheme in LIVE_SCHEMES or parts.path.lower().endswith(".m3u8")
    steps = (shown.netloc.replace(":", "_"), *(step for step in unquote(shown.path).split("/") if step not in PASSED))
    return Found(url, "live" if live else "video", steps, len(steps))


def _at(path: Path, depth: int) -> Found:
    """A file that was named."""
    if not os.access(path, os.R_OK):
        raise failure(str(path), "no permission to read it; change its permissions or leave it out")
    return _placed(path, "images" if path.suffix.lower() in PICTURE_ENDINGS else "video", depth)


def _placed(path: Path, kind: SourceKind, depth: int) -> Found:
    place = Path(os.path.abspath(path))  # noqa: PTH100  # takes `..` out of the path, and leaves links as they are
    return Found(str(place), kind, place.parts[1:] or ("pictures",), max(depth, 1))


def _in_folder(folder: Path) -> list[Found]:
    found = sorted(_below(folder, len(folder.parts), set()), key=Found.id)
    if not found:
        raise failure(str(folder), "no video and no picture in it or in the folders below; name another folder")
    return found


def _below(folder: Path, above: int, been: set[str]) -> Iterator[Found]:
    """Everything in a folder and the folders below it, but not in those where one has been.

    above: how many first steps are left out of names.
    """
    unreadable: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=unreadable.append, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in been else [name for name in folders if not name.startswith(".")]
        shown = [] if real in been else [Path(place, name) for name in files if not name.startswith(".")]
        been.add(real)
        for path in shown:
            if path.suffix.lower() in VIDEO_ENDINGS:
                yield _placed(path, "video", len(path.parts) - above)
        if any(path.suffix.lower() in PICTURE_ENDINGS for path in shown):
            yield _placed(Path(place), "images", len(Path(place).parts) - above)
    for error in unreadable:
        yield _placed(Path(error.filename), "images", len(Path(error.filename).parts) - above)


def _matching(pattern: str) -> list[Found]:
    """What a glob matches, named relative to the part before its first special character."""
    longest_first = sorted(glob.glob(pattern, recursive=True), key=len, reverse=True)  # noqa: PTH207
    matches = [Path(match) for match in {os.path.realpath(match): match for match in longest_first}.values()]
    if not matches:
        raise failure(pattern, "there is no such file or folder; check the name")
    steps = Path(pattern).parts
    above = next((number for number, step in enumerate(steps) if glob.has_magic(step)), len(steps))
    folders = [path for path in matches if path.is_dir()]
    loose = [path for path in matches if path.is_file() and not any(map(path.is_relative_to, folders))]
    videos = [path for path in loose if path.suffix.lower() in VIDEO_ENDINGS]
    albums = {path.parent for path in loose if path.suffix.lower() in PICTURE_ENDINGS}
    found = [_at(path, len(path.parts) - above) for path in videos]
    found += [_album(path, steps[-1], len(path.parts) - above) for path in albums]
    been: set[str] = set()
    found += [one for path in sorted(folders) for one in _below(path, above, been)]
    if not found:
        raise failure(pattern, f"matches {len(matches)} names, none of a video or picture; check the pattern")
    return sorted(found, key=Found.id)


def _album(folder: Path, pattern: str, depth: int) -> Found:
    """The pictures of a folder whose names match: the location ends with the pattern."""
    whole = _placed(folder, "images", depth)
    return replace(whole, location=str(Path(whole.location, pattern)))
