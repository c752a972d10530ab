"""Reads the one side file of a frame, once, however its name is padded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from streamsel.signals.frame_names import Style, json_path, restyled, styles, video_of
from streamsel.signals.mismatch import MismatchError
from streamsel.signals.recent import Recent
from streamsel.signals.side_folder import SideFolder, shown

__all__ = ["FrameFiles"]

ENTRIES = 4096
NBYTES = 8 << 20
"""Bytes of JSON whose content is kept; as Python objects they are up to about ten times as large."""
FOLDERS = 256
"""Folders whose way of writing frames is remembered."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a change of a folder has another time: file systems are that coarse."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Listing:
    """How videos of a folder are written, when it had changed last, and for which video it was listed: for each of its
    frames that would be too often."""

    styles: Mapping[str, Style]
    changed: int
    sought: str


class FrameFiles(Generic[T]):
    """The checked content of side files below one folder. What was read lately is kept: see `Recent`.

    check: makes a value of a file's JSON, or raises MismatchError. A folder is listed at most once in a while, and only
    when a frame has no file of its exact name: anew for a video that is not known, if the folder has changed. Files
    that are added to those of a video, after it was asked for, are found by their exact names.
    """

    def __init__(self, folder: SideFolder, check: Callable[[Any], T], prefix: str = "") -> None:
        self.folder, self.prefix = folder, prefix
        self._check = check
        self._recent: Recent[T | None] = Recent(ENTRIES, NBYTES)
        self._listings: Recent[_Listing] = Recent(FOLDERS, 1 << 20)

    def of(self, name: str) -> T | None:
        """What is written of a picture, a frame or a video, by its name; None: no file.

        Raises SourceError with the file, the place in it, what was expected and what was found.
        """
        if name in self._recent:
            return self._recent[name]
        path = json_path(self.prefix + name)
        read = self.folder.json(path)
        if read is None and (other := self._otherwise(path)) is not None:
            path, read = other, self.folder.json(other)
        if read is None:
            return self._recent.put(name, None, len(name))
        return self._recent.put(name, self._checked(path, read[0]), read[1])

    def place(self, name: str) -> str:
        """The file of a frame, as errors name it."""
        path = json_path(self.prefix + name)
        found = path if self.folder.read(path) is not None else self._otherwise(path)
        return shown(self.folder.path / (found or path))

    def _checked(self, path: str, content: Any) -> T:
        try:
            return self._check(content)
        except MismatchError as mismatch:
            raise self.folder.wrong(path, mismatch) from None

    def _otherwise(self, path: str) -> str | None:
        video, folder = video_of(path), path.rpartition("/")[0]
        if not video:
            return None
        listing = self._listings[folder] if folder in self._listings else self._list(folder, video)
        if video not in listing.styles and video != listing.sought and self.folder.changed(folder) != listing.changed:
            listing = self._list(folder, video)
        return restyled(path, listing.styles)

    def _list(self, folder: str, video: str) -> _Listing:
        changed = self.folder.changed(folder)
        known = changed if time.time_ns() - changed > SETTLED else 0
        listing = _Listing(styles(self.folder.file_names(folder)), known, video)
        return self._listings.put(folder, listing, 200 * len(listing.styles))
