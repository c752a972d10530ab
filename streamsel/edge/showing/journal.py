"""What an edge service logs of its work: one line a minute, and one at the end; losses are told as they come."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from streamsel.daemon.log_lines import say
from streamsel.edge import Seen
from streamsel.edge.keeping.shots import Shot
from streamsel.edge.standing import Standing

__all__ = ["Complaints", "Journal", "Readings"]

EVERY: Final = 60.0
"""Seconds between two lines."""

COUNTS: Final = ("frames", "picks", "dropped", "losses", "segments")


class Journal:
    """standings: of all sources. status: told in one line how they stand, whenever that is another line."""

    def __init__(self, standings: Sequence[Standing], status: Callable[[str], None]) -> None:
        self._standings, self._status, self._told = standings, status, time.monotonic()
        self._before = self._counts()

    def turned(self) -> None:
        """Called in each turn of the loop."""
        live = sum(one.state == "live" for one in self._standings)
        self._status(f"{live} of {len(self._standings)} sources live")
        if time.monotonic() - self._told < EVERY:
            return
        self._told, now = time.monotonic(), self._counts()
        say("working", **{name: now[name] - self._before[name] for name in now}, away=self._away())
        self._before = now

    def _away(self) -> list[str]:
        """Names of sources that give nothing now; a folder that waits behind a segment that was wrong is there."""
        return [one.name for one in self._standings if one.away or (one.state == "connecting" and one.trouble)]

    def stopped(self) -> None:
        """The last line: counts since the start."""
        say("stopped", **self._counts())

    def _counts(self) -> Counter[str]:
        counts = Counter({name: sum(getattr(one, name) for one in self._standings) for name in COUNTS})
        if incomplete := sum(one.incomplete for one in self._standings):
            counts["incomplete"] = incomplete
        return counts


class Readings:
    """Tells of each segment that was read how many of its frames were looked at, and how many were picked.

    names: of the sources, by their place. What was decided before this process began is not counted.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._frames: Counter[int] = Counter()
        self._picks: Counter[int] = Counter()

    def committed(self, seen: Sequence[Seen], picked: Sequence[Seen | Shot]) -> None:
        """These were looked at, in order, and these were picked: what windows choose later is not counted."""
        picks = Counter((one.place, one.segment.number) for one in picked if one.segment)
        for one in seen:
            if one.segment is None:
                continue
            self._frames[one.place] += one.frame is not None
            self._picks[one.place] += picks.pop((one.place, one.segment.number), 0)
            if one.last:
                counts = {"frames": self._frames.pop(one.place, 0), "picks": self._picks.pop(one.place, 0)}
                say("read", source=self._names[one.place], segment=one.segment.name, **counts)


class Complaints:
    """Counts frames that cannot be decided, and tells of each source's at most once a minute."""

    def __init__(self, standings: Sequence[Standing]) -> None:
        self._standings = standings
        self._told: dict[int, float] = {}

    def __call__(self, place: int, reason: str) -> None:
        """A frame of the source at this place lacks what the selection needs, or has something else."""
        standing, now = self._standings[place], time.monotonic()
        standing.problems["unusable"] += 1
        if now - self._told.get(place, -EVERY) >= EVERY:
            self._told[place] = now
            say("unusable", logging.WARNING, source=standing.name, frames=standing.problems["unusable"], last=reason)
