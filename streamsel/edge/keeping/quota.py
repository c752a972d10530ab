"""The quota of an output folder: the oldest pictures and clips go, by day and then by when they were taken, until it
holds.

Age takes all that is too old. Bytes and free space leave the newest picture, whatever they say, and for free space
others' files count, too: `giving_way` says how far pictures go for them. Cheap to call often: it
goes by counts, looks at the disk's free space now and then, and where much must go, some of it goes with each call.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from streamsel.config.edge import Quota
from streamsel.daemon.log_lines import say
from streamsel.edge.keeping.day_folders import DayFolders, Stored
from streamsel.edge.keeping.due import Due
from streamsel.edge.keeping.giving_way import GivingWay
from streamsel.errors import SinkError
from streamsel.sink.durable import made_folder, shown

__all__ = ["QuotaKeeper"]

LOOK: Final = 5.0
"""Seconds between looks at free space."""
RECOUNT: Final = 60.0
"""Seconds, at least, between counts of what others may have changed."""
TOLD: Final = 60.0
"""Seconds, at least, between lines of the log that say what was removed."""
LONGEST: Final = 0.5
"""Seconds of removing in one call, about; the next one goes on."""
LONGEST_DAYS: Final = 36_500.0


class QuotaKeeper:
    """Keeps one folder. free: gives the bytes that are free there. Nobody may be writing there at the start.

    ceded: what the latest call of `note` in an earlier process was told, or 0. note: is told how many bytes went for
    others, before they go, and raises SinkError where it cannot keep that now; it is told again.
    removed, removed_bytes: pictures that it took away, and their bytes with their JSON. Raises SinkError where the
    folder cannot be made or read.
    """

    def __init__(
        self,
        folder: Path,
        quota: Quota,
        *,
        free: Callable[[], int] | None = None,
        ceded: int = 0,
        note: Callable[[int], None] = lambda ceded: None,
    ) -> None:
        self._folder, self._quota = made_folder(folder), quota
        self._free = free or (lambda: shutil.disk_usage(folder).free)
        try:
            self._days = DayFolders(folder)
        except OSError as error:
            raise SinkError(f"cannot read {_named(error, folder)}; make it readable") from error
        self.removed = self.removed_bytes = 0
        self._refused = self._full = ""
        self._next_look = self._next_count = self._until = 0.0
        self._log, self._giving = _Log(), GivingWay(ceded)
        self._note, self._noted = note, ceded

    @property
    def nbytes(self) -> int:
        """Of all pictures with their JSON."""
        return self._days.nbytes

    @property
    def pictures(self) -> int:
        """How many there are."""
        return self._days.pictures

    @property
    def trouble(self) -> str:
        """Why the quota does not hold; empty: it does."""
        return self._refused or self._full

    def wrote(self, due: Due) -> None:
        """Tells of a picture that was not there before."""
        self.put(due.file, due.moment, due.nbytes)

    def put(self, file: str, taken: int, nbytes: int) -> None:
        """Tells of a picture or clip that was not there before; see `Stored`."""
        self._days.put(file, taken, nbytes)
        self._giving.wrote(nbytes)

    def make_room(self, now: datetime, needed: int = 0) -> int:
        """Removes pictures until the quota holds; gives how many. What cannot be done is told in `trouble`.

        now: with a zone. needed: bytes that must be free at once, as after a write was refused for want of room; for
        them something goes only where that can be enough, and nothing where the quota's `free` is 0.
        """
        removed, trouble = self.removed, self.trouble
        self._until = time.monotonic() + LONGEST
        try:
            self._keep_days(now)
            self._keep_bytes()
            self._keep_free(needed)
            self._note_ceded()
            self._refused = ""
        except OSError as error:
            self._refused = f"cannot make room at {_named(error, self._folder)}; the quota does not hold"
        self._log.told()
        if self.trouble and not trouble:
            say("quota", logging.WARNING, reason=self.trouble)
        return self.removed - removed

    def _keep_days(self, now: datetime) -> None:
        if self._quota.days is None:
            return
        begin = now.astimezone(UTC) - timedelta(days=min(self._quota.days, LONGEST_DAYS))
        day, taken = f"{begin:%Y-%m-%d}", begin.timestamp() * 1e9
        while "" < self._days.first_day <= day and (one := self._days.oldest()):
            if one.day > day or (one.day == day and one.taken >= taken):
                return
            if not self._remove(one, "days"):
                return

    def _keep_bytes(self) -> None:
        most = self._quota.bytes
        if most is not None and self.nbytes > most:
            self._recount()
            while self.nbytes > most and (one := self._days.spare()):
                if not self._remove(one, "bytes"):
                    return

    def _keep_free(self, needed: int) -> None:
        if not self._quota.free or (not needed and time.monotonic() < self._next_look):
            return
        self._next_look = time.monotonic() + LOOK
        while (missing := self._missing(needed)) > 0 and self._yielding():
            if not self._freed(missing):
                self._full, self._next_look = "", 0.0  # the next call goes on
                return
        why = _OTHERS if self._days.spare() else _FULL
        self._full = f"{shown(self._folder)}: {why.format(self._quota.free)}" if missing > 0 else ""

    def _missing(self, needed: int) -> int:
        """Bytes that are to become free."""
        free = self._free()
        if free < max(self._quota.free, needed):
            self._recount()
        self._giving.looked(free, self._quota.free)
        if not 0 < needed - free <= self._days.spare_bytes:
            return self._quota.free - free
        self._giving.refused(needed - free)
        return max(self._quota.free, needed) - free

    def _freed(self, missing: int) -> bool:
        """Removes so many bytes, or all that may go; whether there was time for it."""
        while missing > 0 and (one := self._yielding()):
            missing -= one.nbytes
            self._giving.removed(one.nbytes)
            self._note_ceded()
            if not self._remove(one, "free"):
                return False
        return True

    def _note_ceded(self) -> None:
        if self._giving.ceded != self._noted:
            with suppress(SinkError):  # as on a full disk, where what goes now makes room for it
                self._note(self._giving.ceded)
                self._noted = self._giving.ceded

    def _yielding(self) -> Stored | None:
        """The oldest that is not the newest picture, where it may go for room."""
        one = self._days.spare()
        return one if one and self._giving.lets(one.nbytes, self.nbytes) else None

    def _remove(self, one: Stored, reason: str) -> bool:
        """Removes it; whether there is time for another."""
        if self._days.remove(one):
            self.removed += 1
            self.removed_bytes += one.nbytes
            self._log.removed(one.nbytes, reason)
        return time.monotonic() < self._until

    def _recount(self) -> None:
        """Before anything is removed, so that what others removed counts."""
        if time.monotonic() >= self._next_count:
            self._days.recount()
            self._next_count = time.monotonic() + RECOUNT


class _Log:
    """Says what was removed: at once, and where it goes on, summed up once in `TOLD` seconds."""

    def __init__(self) -> None:
        self._pictures = self._nbytes = 0
        self._reasons: set[str] = set()
        self._next = 0.0

    def removed(self, nbytes: int, reason: str) -> None:
        self._pictures += 1
        self._nbytes += nbytes
        self._reasons.add(reason)

    def told(self) -> None:
        if self._pictures and time.monotonic() >= self._next:
            say("removed", pictures=self._pictures, bytes=self._nbytes, reason=",".join(sorted(self._reasons)))
            self._pictures = self._nbytes = 0
            self._reasons.clear()
            self._next = time.monotonic() + TOLD


_FULL: Final = "its disk has less than {} bytes free, and no picture is left that could go; free some space"

_OTHERS: Final = (
    "its disk has less than {} bytes free, which others fill: pictures gave way by a tenth, and go only for new ones"
    " from now on; free some space"
)


def _named(error: OSError, folder: Path) -> str:
    return f"{shown(Path(error.filename or folder))}: {error.strerror or error}"
