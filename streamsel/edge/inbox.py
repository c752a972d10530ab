"""What waits for the loop: frames of all sources, bounded in bytes."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

from streamsel.edge import Seen
from streamsel.edge.standing import Standing

__all__ = ["Inbox"]

LEAST: Final = 1024
"""Bytes that each one counts for at least, so that the number of those without a picture is bounded, too."""

NAP: Final = 0.25
"""Seconds after which somebody who waits looks whether to stop."""


PER_KEPT: Final = 3
"""Live frames that go before one of a folder, where both wait."""

PATIENCE: Final = 1.0
"""Seconds that a folder's frame waits for live ones to come, where there is room for one kind alone."""


@dataclass(slots=True)
class _Line:
    """What waits of one source. numbers: of its frames, the oldest first. keeps: whether nothing of it is dropped."""

    standing: Standing
    keeps: bool
    numbers: deque[int] = field(default_factory=deque)
    nbytes: int = 0


class Inbox:
    """Holds `most_bytes` at most, though one frame always fits.

    When it is full, a live source's frame pushes out the oldest frames of the live source that holds most, itself
    included; so who floods it loses its own. A folder's frame waits for its turn: frames of folders fill half of it at
    most, and a waiting one is let in before more live frames are. Live frames, which cannot be had again, are taken out
    first; for each `PER_KEPT` of them a folder's is, so that neither kind starves the other.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._held: OrderedDict[int, tuple[Seen, int]] = OrderedDict()  # by number: what, and the bytes it counts for
        self._lines: dict[int, _Line] = {}
        self._expected: dict[int, int] = {}  # by place: bytes that a folder's thread waits to put in
        self._count = self._nbytes = self._kept = 0
        self._passed = 0
        """Live frames that were taken out while a folder's waited, since the last one of those was."""
        self._before, self._since = 0, -math.inf
        """Live frames that go in before a folder's next one, since one had no room for its sake; and since when."""
        self._closed = False
        self._changed = threading.Condition()

    @property
    def queued(self) -> int:
        """How many wait."""
        return len(self._held)

    @property
    def nbytes(self) -> int:
        """Bytes that they hold."""
        return self._nbytes

    def share(self, place: int) -> float:
        """The part of the whole that a source's frames fill now: 0 to 1, or more for a single frame."""
        with self._changed:
            line = self._lines.get(place)
            return line.nbytes / self.most_bytes if line else 0.0

    def put(self, seen: Seen, standing: Standing, stopping: threading.Event, *, waits: bool = False) -> None:
        """Put one in, behind all that are there.

        Of a live source it never waits: what is dropped, which may be this one, is counted in the standing of its own
        source. waits: of a folder's source; waits until there is room. Then it is put in, unless stopping is set or
        the inbox is closed before.
        """
        nbytes = max(seen.nbytes, LEAST)
        with self._changed:
            line = self._lines.setdefault(seen.place, _Line(standing, waits))
            fits = self._awaited(seen.place, nbytes, stopping) if waits else self._made_room(line, nbytes)
            if self._closed:
                return
            if fits:
                self._add(seen, line, nbytes)
            elif not waits:
                standing.dropped += 1

    def take(self, most: int, seconds: float) -> list[Seen]:
        """At most so many, of each source those that wait longest; waits so long for the first one."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._closed, seconds)
            taken = [] if self._closed else [self._out(number) for number in self._next(most)]
            self._changed.notify_all()
            return taken

    def bound(self, most_bytes: int) -> None:
        """From now on it holds so much at most; the oldest frames of live sources go until it does."""
        with self._changed:
            self.most_bytes = most_bytes
            self._drop(most_bytes)
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody waits any more, and nothing is put in or taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self, most: int) -> list[int]:
        """Numbers of those whose turn it is, the oldest first: live ones before those of folders, as long as each of
        the latter waits for no more than `PER_KEPT` of the former."""
        live, kept = self._waiting(keeps=False), self._waiting(keeps=True)
        due = min(len(kept), most, max(most - len(live), (self._passed + most) // (PER_KEPT + 1)))
        taken = live[: most - due]
        self._passed = max(0, self._passed + len(taken) - PER_KEPT * due) if kept[due:] else 0
        return sorted(taken + kept[:due])

    def _waiting(self, *, keeps: bool) -> list[int]:
        return sorted(number for line in self._lines.values() if line.keeps == keeps for number in line.numbers)

    def _awaited(self, place: int, nbytes: int, stopping: threading.Event) -> bool:
        """Wait until a folder's frame fits; False: it did not."""
        self._expected[place] = nbytes
        try:
            while not (fits := self._let_in(nbytes)) and not (self._closed or stopping.is_set()):
                self._changed.wait(NAP)
            return fits
        finally:
            del self._expected[place]

    def _let_in(self, nbytes: int) -> bool:
        if self._before and time.monotonic() - self._since < PATIENCE:
            return False
        return not self._held or (self._in_share(nbytes) and self._nbytes + nbytes <= self.most_bytes)

    def _in_share(self, nbytes: int) -> bool:
        """Whether frames of folders still fill half of it at most, with one more; one always may."""
        return not self._kept or self._kept + nbytes <= self.most_bytes // 2

    def _made_room(self, line: _Line, nbytes: int) -> bool:
        """Drop what it takes for a live source's frame; False: nothing that may be dropped would be enough."""
        expected = 0 if self._before else max(filter(self._in_share, self._expected.values()), default=0)
        room = self.most_bytes - expected
        fits = not (expected or self._kept) or self._kept + nbytes <= room
        if fits:
            self._drop(room - nbytes, line, nbytes)
        if self._before or not fits:
            self._before, self._since = self._before - 1 if fits else self._before or PER_KEPT, time.monotonic()
        return fits

    def _drop(self, room: int, line: _Line | None = None, more: int = 0) -> None:
        """The oldest frames of the live source that holds most go, until all hold so much at most, or none is left.

        line, more: so many bytes count for that one, too.
        """
        while self._held and self._nbytes > room:
            live = [other for other in self._lines.values() if other.numbers and not other.keeps]
            if not live:
                return
            largest = max(live, key=lambda other: other.nbytes + more * (other is line))
            self._out(largest.numbers[0])
            largest.standing.dropped += 1

    def _add(self, seen: Seen, line: _Line, nbytes: int) -> None:
        self._held[self._count] = seen, nbytes
        line.numbers.append(self._count)
        self._count += 1
        self._counted(line, nbytes)
        self._changed.notify_all()

    def _out(self, number: int) -> Seen:
        """The oldest one of its source leaves."""
        seen, nbytes = self._held.pop(number)
        line = self._lines[seen.place]
        line.numbers.popleft()
        self._counted(line, -nbytes)
        return seen

    def _counted(self, line: _Line, nbytes: int) -> None:
        line.nbytes += nbytes
        self._nbytes += nbytes
        self._kept += nbytes * line.keeps
