"""How many bytes of pictures may go where a disk has too little room: theirs without limit, for others' sake a part.

Pictures make room for new pictures: what was written since there was enough free space may go again. To what others put
on the disk they give way by a tenth of what they are, until those take it away again: weeks of picks must not go for
somebody's log that grows. And for a picture that was refused its room may go once, and again after one was written: so
a full disk does not end the work, and whoever fills it does not get at all pictures that way.
"""

from __future__ import annotations

from typing import Final

__all__ = ["GivingWay"]

SHARE: Final = 0.1


class GivingWay:
    """Counts for one folder of pictures; all of it is in bytes. ceded: so much went for others before this process."""

    def __init__(self, ceded: int = 0) -> None:
        self._own = self._granted = 0
        self._ceded = ceded
        self._grants, self._short = True, False

    @property
    def ceded(self) -> int:
        """What went for others and was not given back; who starts anew without it gives way by another tenth."""
        return self._ceded

    def wrote(self, nbytes: int) -> None:
        """A new picture."""
        self._own += nbytes
        self._grants = True

    def looked(self, free: int, least: int) -> None:
        """So much is free of the disk, and so much is to be."""
        self._granted, self._short = 0, free < least
        if free >= least:
            self._own = 0
        if free >= least + self._ceded:
            self._ceded = 0

    def refused(self, missing: int) -> None:
        """A picture could not be written, for want of so much room."""
        if self._grants:
            self._grants, self._granted = False, missing

    def lets(self, nbytes: int, pictures: int) -> bool:
        """Whether a picture of that size may go, of that many bytes of pictures: as soon as half of it may."""
        for_others = max(0, int(SHARE * (pictures + self._ceded)) - self._ceded)
        return self._granted > 0 or (self._short and 2 * (self._own + for_others) >= nbytes)

    def removed(self, nbytes: int) -> None:
        """A picture went for room."""
        granted = min(self._granted, nbytes)
        self._granted -= granted
        own = min(self._own, nbytes - granted)
        self._own -= own
        self._ceded += nbytes - granted - own
