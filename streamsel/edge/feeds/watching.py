"""A folder into which a recorder drops segments of video: each finished one is found once, the oldest first.

The folder is listed again and again: change notices do not cross network shares. What is listed costs 5 to 8 us a
file, so that a scan of 100,000 takes a good half second; whoever scans waits accordingly.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from streamsel.daemon.log_lines import say
from streamsel.decode.sources import VIDEO_ENDINGS
from streamsel.edge import Begin, Segment

__all__ = ["Found", "Watched"]

QUIET: Final = 10.0
"""Seconds without a change after which a segment is taken for finished: recorders write every few seconds."""
OLD: Final = 60.0
"""One that was not changed for so many seconds is finished at first sight: it was moved here, or nobody watched. And so
long an empty one is waited for: recorders make the file first."""
TEMPORARY: Final = frozenset([".crdownload", ".download", ".part", ".partial", ".temp", ".tmp"])
CENSUS: Final = 3600.0
"""Seconds between two looks for known segments that are gone."""
MOST_TOLD: Final = 100_000
FARTHEST: Final = 2**63 - 1
"""Nanoseconds from 1970 to which times of change are told, as far as SQLite counts: until 2262."""


class Found(NamedTuple):
    """A finished segment that has no number yet; they sort as they are read."""

    modified: int
    name: str
    size: int


class Watched:
    """The segments of one folder, below which links and hidden folders are passed over: what a link inside the folder
    leads to is found without it, and what lies outside is none of its.

    begin: which of them were begun before. begun: those of them that are not done, in order. quiet, old: seconds, see
    above; old is no less than quiet. forgotten: segments that were read and are gone for an hour or more, so that
    memory follows the folder and not the years; whoever keeps them may drop them. trouble: what could not be listed in
    the latest scan.
    """

    def __init__(self, folder: Path, begin: Begin, *, quiet: float = QUIET, old: float = OLD) -> None:
        self.folder = folder
        self.trouble = ""
        self.forgotten: deque[Segment] = deque(maxlen=MOST_TOLD)
        self._quiet, self._old = quiet, max(old, quiet)
        self._known = dict(begin.segments)
        half_done = (one for one in self._known.values() if one.number >= begin.offset)
        self.begun = sorted(half_done, key=lambda one: one.number)
        self._next = max([begin.offset, *(one.number + 1 for one in self.begun)])
        self._changing: dict[str, tuple[int, int, float]] = {}
        self._counted, self._absent = time.monotonic(), set[str]()
        self._illegible: set[str] = set()

    def scan(self, stopped: Callable[[], bool] = lambda: False) -> list[Found]:
        """Finished segments that were not begun yet, the oldest first; none where it was stopped meanwhile.

        Raises OSError where the folder is away.
        """
        census = time.monotonic() - self._counted >= CENSUS
        present, found, changing = set[str](), [], dict[str, tuple[int, int, float]]()
        self.trouble = ""
        for one in self._listed():
            if stopped():
                return []
            known = self._known.get(one.name)
            if known is not None and (known.size, known.modified) == (one.size, one.modified):
                if census:
                    present.add(one.name)
            elif self._finished(one, changing):
                found.append(one)
        self._changing = changing
        if census:
            self._forget(present)
        return sorted(found)

    def take(self, found: Found) -> Segment | None:
        """Begin a segment: it gets the next number; None: it is gone or was changed, and may be found again.

        Raises OSError where the folder is away.
        """
        if self._wrong(found.name, found.size, found.modified):
            return None
        segment = Segment(self._next, found.name, found.size, found.modified)
        self._known[found.name], self._next = segment, self._next + 1
        return segment

    def unknown(self, segment: Segment) -> None:
        """A segment that was begun, and of which nothing came, is found again."""
        self._known.pop(segment.name, None)

    def wrong(self, segment: Segment) -> str:
        """Why nothing more can be read of a segment that was begun; empty: it is still there as it was.

        Raises OSError where the folder is away, which is no fault of the segment.
        """
        return self._wrong(segment.name, segment.size, segment.modified)

    def _wrong(self, name: str, size: int, modified: int) -> str:
        try:
            told = (self.folder / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            self._check_folder()
            return "was removed before all of it was read"
        if not stat.S_ISREG(told.st_mode):
            return "was replaced by something else"
        return "" if (told.st_size, _modified(told)) == (size, modified) else "was changed"

    def _check_folder(self) -> None:
        """An empty folder is where a share is mounted that is away, as far as anyone can tell."""
        with os.scandir(self.folder) as entries:
            if next(entries, None) is None:
                raise FileNotFoundError(errno.ENOENT, "the folder is empty")

    def _finished(self, one: Found, changing: dict[str, tuple[int, int, float]]) -> bool:
        """Whether it is not written to any more; else it is remembered as it is now.

        By our clock only where the difference is large: a share's clock may be another one.
        """
        now = time.monotonic()
        size, modified, since = self._changing.get(one.name, (-1, 0, now))
        if (size, modified) != (one.size, one.modified):
            since = now
        changing[one.name] = (one.size, one.modified, since)
        return now - since >= (self._quiet if one.size else self._old) or time.time() - one.modified / 1e9 >= self._old

    def _forget(self, present: set[str]) -> None:
        """Known segments that two looks in a row missed, while others were there: then it is not the folder that is
        away."""
        self._counted = time.monotonic()
        self._illegible.clear()
        if self.trouble or not present:
            return
        absent = self._known.keys() - present
        for name in absent & self._absent:
            self.forgotten.append(self._known.pop(name))
        self._absent = absent - self._absent

    def _listed(self) -> Iterator[Found]:
        """Each file that may be a segment. Raises OSError where the folder itself cannot be listed."""
        pending = [""]
        while pending:
            prefix = pending.pop()
            try:
                with os.scandir(self.folder / prefix) as entries:
                    for entry in entries:
                        if entry.name.startswith("."):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            if self._legible(prefix + entry.name):
                                pending.append(f"{prefix}{entry.name}/")
                        elif entry.is_file(follow_symlinks=False) and self._named(prefix, entry.name):
                            with suppress(FileNotFoundError):  # removed since it was listed
                                told = entry.stat(follow_symlinks=False)
                                yield Found(_modified(told), f"{prefix}{entry.name}", told.st_size)
            except OSError as error:
                if not prefix:
                    raise
                if not isinstance(error, FileNotFoundError):
                    self.trouble = f"{prefix} cannot be listed ({error.strerror})"

    def _named(self, prefix: str, name: str) -> bool:
        """Whether a name is that of a finished video."""
        stem, dot, ending = name.lower().rpartition(".")
        if dot + ending not in VIDEO_ENDINGS or stem[stem.rfind(".") :] in TEMPORARY:
            return False
        return name.isprintable() or self._legible(prefix + name)

    def _legible(self, name: str) -> bool:
        """Names go into JSON and SQLite: one that is no text is left out, and told once."""
        try:
            name.encode()
        except UnicodeEncodeError:
            if name not in self._illegible:
                self._illegible.add(name)
                say("segment left out", logging.WARNING, name=ascii(name), reason="its name is no text: rename it")
            return False
        return True


def _modified(told: os.stat_result) -> int:
    """When a file was changed, in nanoseconds since 1970, as far as it can be kept."""
    return min(max(told.st_mtime_ns, -FARTHEST), FARTHEST)
