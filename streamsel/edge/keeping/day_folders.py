"""What lies in the folders `SOURCE/DAY` of an output folder, kept as counts: files are listed only to be removed.

A picture is `NAME.jpg` with `NAME.jpg.json` beside it, and a clip, which counts as one more, `NAME.mp4` or `NAME.mkv`
with its JSON; nothing else is counted or touched, but for what a killed process left half written or half removed. When
it was taken is the file's time of change, as `pictures` sets it.
"""

from __future__ import annotations

import json
import os
import re
from bisect import insort
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from streamsel.sink.durable import is_leftover

__all__ = ["DayFolders", "Stored"]

DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
PICTURE: Final = ".jpg"
KINDS: Final = (PICTURE, ".mp4", ".mkv")
"""Pictures and clips."""
AT_ONCE: Final = 50_000
"""Pictures of a day that are listed at most, the oldest, so that memory is bounded: about 12 MB."""


@dataclass(frozen=True, slots=True, order=True)
class Stored:
    """A picture or clip; they are ordered as they are removed. taken: nanoseconds since 1970. nbytes: with its JSON."""

    day: str
    taken: int
    file: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class _Folder:
    """A source's day. changed: of the folder, nanoseconds, when it was counted."""

    nbytes: int = 0
    pictures: int = 0
    changed: int = -1


class DayFolders:
    """Counts at the start, then as it is told. Methods raise OSError for what the disk refuses, but for what is gone.

    nbytes, pictures: of all, as far as it is known.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nbytes = self.pictures = 0
        self._days: dict[str, dict[str, _Folder]] = {}
        self._oldest: deque[Stored] = deque()
        """The oldest ones of the first day, in order: kept while they are worked off."""
        self._newest: Stored | None = None
        for source, day in self._found():
            self._clean(source, day)
            self._count(source, day)

    def put(self, file: str, taken: int, nbytes: int) -> None:
        """Tells of a picture that was not there before; see `Stored`."""
        source, day, _ = file.split("/")
        old = self._days.get(day, {}).get(source, _Folder())
        self._set(source, day, _Folder(old.nbytes + nbytes, old.pictures + 1, old.changed))
        one = Stored(day, taken, file, nbytes)
        self._see(one)
        if self._oldest and self._oldest[0].day == day and one < self._oldest[-1]:
            insort(self._oldest, one)

    @property
    def spare_bytes(self) -> int:
        """Of all pictures but the newest."""
        return self.nbytes - self._newest.nbytes if self._newest else 0

    @property
    def first_day(self) -> str:
        """The earliest day of which there is something, as `2026-01-31`; empty: there is nothing."""
        return min(self._days, default="")

    def oldest(self) -> Stored | None:
        """The one to remove first."""
        while day := self.first_day:
            if not self._oldest or self._oldest[0].day != day:
                self._list(day)
            if self._oldest:
                return self._oldest[0]
        return None

    def spare(self) -> Stored | None:
        """The one to remove first where the newest picture is to stay; None: nothing else is there."""
        one = self.oldest()
        if one is None or self._newest is None or one.file != self._newest.file:
            return one
        return self._oldest[1] if len(self._oldest) > 1 else None  # what is behind it are clips that show it

    def remove(self, one: Stored) -> bool:
        """Removes what `oldest` or `spare` gave, and its folder when that is empty then; whether it was still there."""
        there = _unlinked(self.folder / one.file)
        _unlinked(self.folder / f"{one.file}.json")
        self._oldest.remove(one)
        source, day, _ = one.file.split("/")
        old = self._days[day][source]
        changed = _changed(self.folder / source / day)
        self._set(source, day, _Folder(max(old.nbytes - one.nbytes, 0), old.pictures - 1, changed))
        return there

    def recount(self) -> None:
        """Counts folders anew in which something changed since they were counted, as by somebody else.

        But for those of the last day, which change with each picture, and may hold many.
        """
        last = max(self._days, default="")
        if self.first_day == last:
            self._oldest.clear()
        for source, day in [(source, day) for day, sources in self._days.items() if day < last for source in sources]:
            if _changed(self.folder / source / day) != self._days[day][source].changed:
                self._oldest.clear()
                self._count(source, day)

    def _list(self, day: str) -> None:
        files = [one for source in list(self._days[day]) for one in self._count(source, day)]
        files.sort()
        self._oldest = deque(files[:AT_ONCE])

    def _count(self, source: str, day: str) -> list[Stored]:
        changed = _changed(self.folder / source / day)
        files = list(self._pictures(source, day))
        self._set(source, day, _Folder(sum(one.nbytes for one in files), len(files), changed))
        for one in files:
            self._see(one)
        return files

    def _see(self, one: Stored) -> None:
        if one.file.endswith(PICTURE) and (self._newest is None or self._newest < one):
            self._newest = one

    def _set(self, source: str, day: str, new: _Folder) -> None:
        sources = self._days.setdefault(day, {})
        old = sources.get(source, _Folder())
        self.nbytes += new.nbytes - old.nbytes
        self.pictures += new.pictures - old.pictures
        sources[source] = new
        if not self.pictures:
            self._newest = None
        if new.pictures <= 0:
            self._drop(source, day)

    def _drop(self, source: str, day: str) -> None:
        del self._days[day][source]
        if not self._days[day]:
            del self._days[day]
        with suppress(OSError):  # something else lies in it, or it is gone
            (self.folder / source / day).rmdir()

    def _pictures(self, source: str, day: str) -> Iterator[Stored]:
        entries = {entry.name: entry for entry in _entries(self.folder / source / day)}
        for name, entry in entries.items():
            beside = entries.get(f"{name}.json")
            if not name.endswith(KINDS) or beside is None:
                continue
            with suppress(FileNotFoundError):
                known, more = entry.stat(follow_symlinks=False), beside.stat(follow_symlinks=False)
                yield Stored(day, known.st_mtime_ns, f"{source}/{day}/{name}", known.st_size + more.st_size)

    def _found(self) -> Iterator[tuple[str, str]]:
        for source in _folders(self.folder):
            for day in _folders(self.folder / source):
                if _is_day(day):
                    yield source, day

    def _clean(self, source: str, day: str) -> None:
        entries = _entries(self.folder / source / day)
        names = {entry.name for entry in entries}
        for entry in entries:
            picture = entry.name.removesuffix(".json")
            alone = picture.endswith(KINDS) and picture != entry.name and picture not in names
            if is_leftover(entry.name) or (alone and _tells_of(entry, f"{source}/{day}/{picture}")):
                _unlinked(Path(entry.path))


def _tells_of(entry: os.DirEntry[str], file: str) -> bool:
    """Whether these are the facts of that picture, as `streamsel.edge.keeping.pictures` writes them."""
    try:
        return bool(entry.is_file(follow_symlinks=False) and json.loads(Path(entry.path).read_bytes())["file"] == file)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _is_day(name: str) -> bool:
    try:
        return DAY.fullmatch(name) is not None and bool(date.fromisoformat(name))
    except ValueError:
        return False


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return -1


def _unlinked(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
