"""Segments that cannot be read for want of rights, or because the disk fails: that is no fault of theirs, and passes.

They hold up no other: each is tried again by itself, after pauses that grow, for as long as it lies there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from streamsel.daemon.log_lines import say
from streamsel.daemon.pauses import pauses

__all__ = ["SetAside"]

SHORTEST: Final = 1.0
LONGEST: Final = 600.0
"""Seconds until one is tried again."""


class SetAside:
    """Of one folder. source: its name, for the log, which tells each reason once until all could be read again."""

    def __init__(self, source: str, folder: Path) -> None:
        self._source, self._folder = source, folder
        self._waiting: dict[str, tuple[Iterator[float], float, str]] = {}
        """By the segment's name: its pauses, when it is due, and why it waits."""
        self._told: set[str] = set()

    @property
    def trouble(self) -> str:
        """What is set aside now, in one line with what to do; empty: nothing is."""
        name, (_, _, reason) = next(iter(self._waiting.items()), ("", (iter(()), 0.0, "")))
        count = "1 segment" if len(self._waiting) == 1 else f"{len(self._waiting)} segments"
        told = f"{count} cannot be read now, as {name} ({reason}): give this user the right to, or check the disk"
        return told if name else ""

    def readable(self, name: str) -> bool:
        """Whether a segment can be begun now: nothing keeps it from being opened, and it is its turn."""
        if name in self._waiting and time.monotonic() < self._waiting[name][1]:
            return False
        try:
            with suppress(FileNotFoundError, NotADirectoryError), (self._folder / name).open("rb", buffering=0) as file:
                file.read(1)
        except OSError as error:
            self.put(name, error)
            return False
        return True

    def put(self, name: str, error: OSError) -> None:
        """It could not be read, and is tried later."""
        waits = self._waiting.get(name, (pauses(SHORTEST, LONGEST), 0.0, ""))[0]
        reason = error.strerror or type(error).__name__
        self._waiting[name] = waits, time.monotonic() + next(waits), reason
        if reason not in self._told:
            self._told.add(reason)
            say("segment set aside", logging.WARNING, source=self._source, segment=name, reason=reason)

    def keep(self, names: Collection[str]) -> None:
        """All others are gone, or were read."""
        for name in self._waiting.keys() - names:
            del self._waiting[name]
        if not self._waiting and self._told:
            self._told.clear()
            say("no segment is set aside any more", source=self._source)
