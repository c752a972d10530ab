"""A live source's thread: connects, puts frames into the inbox, and begins anew whenever it is lost, for ever."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from typing import Final

from streamsel.config.edge_source import EdgeSource
from streamsel.daemon.log_lines import say
from streamsel.data import Frame, Mark
from streamsel.decode.failure import failure
from streamsel.decode.live import LiveDecoder
from streamsel.decode.looking import box
from streamsel.edge import Begin, Glimpse, Seen
from streamsel.edge.clips.ring import Ring
from streamsel.edge.feeds.clock import StreamClock
from streamsel.edge.feeds.connection import Connection, told
from streamsel.edge.feeds.glance import Glance
from streamsel.edge.feeds.hours import Hours
from streamsel.edge.feeds.keepable import TOO_LARGE, too_large
from streamsel.edge.feeds.masking import Masked
from streamsel.edge.feeds.opening import opened
from streamsel.edge.feeds.pace import Pace
from streamsel.edge.feeds.retrying import Retrying
from streamsel.edge.inbox import Inbox
from streamsel.edge.standing import Standing

__all__ = ["LiveFeed"]

TURN: Final = 0.25
"""Seconds after which it looks whether to stop, to rest, or to wait no longer."""

FAREWELL: Final = 0.5
"""Seconds that a connection gets to hang up properly."""

NAP: Final = 60.0
"""Seconds after which a source that rests looks at the clock again, which may have been set."""

GRACE: Final = 1.0
"""Seconds beyond `stall` after which a connection is left: what reads it knows better what is wrong, and may say so."""

OPENING: Final = 15.0
"""Seconds that it may take to open, on top of that, or `stall` where that is more."""

KEYFRAMES: Final = 300.0
"""Seconds between two key frames, at most: some cameras send one in minutes."""

ROOM: Final = 0.5
"""Part of the inbox that a source fills at most while it counts as not crowded."""

RATED: Final = 2.0
"""Seconds over which the rate of frames is taken."""

MOST_LEFT: Final = 3
"""So many connections of a source may have been left and not have ended: then no more are begun."""


class LiveFeed(threading.Thread):
    """Frames of one url, device or pipe, from `begin` on, counted on over connections; ends soon after stopping is set.

    size: (width, height) of the crop. threads: of the decoder. open_source: opens the source, or raises SourceError.
    ring: what keeps the packets of a connection that began then, for clips; None: nothing. glance: what holds frames
    that are surely not new; None: nothing.
    Outside of its hours it is not connected; a pipe, whose writer would be held up, is read on and not looked at. A
    pipe that ends, or cannot be read, is not opened again.
    """

    def __init__(
        self,
        place: int,
        source: EdgeSource,
        inbox: Inbox,
        standing: Standing,
        *,
        begin: Begin,
        size: tuple[int, int],
        threads: int,
        stopping: threading.Event,
        open_source: Callable[..., LiveDecoder] = opened,
        ring: Callable[[str], Ring | None] = lambda started: None,
        glance: Glance | None = None,
    ) -> None:
        super().__init__(name=f"feed {source.name}", daemon=True)
        self._place, self._source, self._inbox, self._standing = place, source, inbox, standing
        self._size, self._stopping = size, stopping
        self._opened = partial(open_source, source, threads=threads)
        self._ring_of, self._glance = ring, glance
        self._ring: Ring | None = None
        self._mask = [box(part) for part in source.mask]
        self._hours = Hours(source.hours)
        self._after = Mark(source.name, begin.offset - 1, 0, Fraction(1, 1000)) if begin.offset else None
        self._pace, self._retrying, self._clock = Pace(), Retrying(), StreamClock()
        self._connected, self._first = datetime(1970, 1, 1, tzinfo=UTC), False
        self._told: Counter[str] = Counter()
        self._too_large = 0
        self._left: list[Connection] = []
        self._rated, self._since, self._lived = 0, time.monotonic(), 0.0

    def run(self) -> None:
        """Until stopping is set, or a pipe has ended."""
        while not self._stopping.is_set() and self._standing.state != "ended":
            self._lived = 0.0
            try:
                reason = self._watch(self._begun()) if self._wanted() else ""
            except Exception as error:  # a thread that ends silently is worse than any of them
                reason = told(error)
            finally:
                if self._ring is not None:
                    self._ring.end()
            if reason and not self._stopping.is_set():
                self._lost(reason.removeprefix(f"{self._source.name}: "))

    def _wanted(self) -> bool:
        """Whether it is to be connected; if not, some time is slept."""
        if self._source.pipe is not None or self._open():
            return True
        if self._standing.state != "resting":
            say("resting", source=self._source.name)
        self._standing.state, self._standing.trouble, self._standing.rate = "resting", "", 0.0
        self._standing.away = False
        self._stopping.wait(min(NAP, max(TURN, self._hours.until_open(_now()))))
        return False

    def _open(self) -> bool:
        return self._hours.open_at(_now())

    def _begun(self) -> Connection:
        """A new connection. Raises SourceError where too many others hang."""
        self._standing.state = "connecting"
        self._left = [one for one in self._left if one.is_alive()]
        if len(self._left) >= MOST_LEFT:
            raise failure(self._source.name, f"{MOST_LEFT} connections before this one hang: restart the camera")
        self._clock, self._told, self._first, self._too_large = StreamClock(), Counter(), True, 0
        self._connected = max(datetime.now(UTC).replace(microsecond=0), self._connected + timedelta(seconds=1))
        self._ring = self._ring_of(_named(self._connected))
        opened = partial(self._opened, packets=self._ring) if self._ring is not None else self._opened
        connection = Connection(f"read {self._source.name}", opened, self._look, self._after)
        connection.start()
        return connection

    def _watch(self, connection: Connection) -> str:
        """Until it is over. What it was lost by; empty: it was left since nobody looks now, or a pipe ended."""
        while connection.is_alive():
            connection.join(TURN)
            self._note(connection)
            if self._stopping.is_set() or not self._awake(connection):
                return self._leave(connection)
            if self._source.pipe is None and self._dead(connection):
                return self._leave(connection, f"no frame came in {connection.silent:.0f} s")
        self._note(connection)
        if connection.lost or self._source.pipe is None:
            return connection.lost or "the stream ended"
        self._standing.state, self._standing.rate = "ended", 0.0
        say("ended", source=self._source.name)
        return ""

    def _awake(self, connection: Connection) -> bool:
        """Whether to listen on. To a pipe always: whoever writes to it would wait, and there is no other one."""
        if self._source.pipe is None:
            return self._open()
        if not self._open():
            self._standing.state, self._standing.trouble, self._standing.away = "resting", "", False
        elif self._dead(connection):
            self._standing.state, self._standing.trouble = "waiting", f"no frame came in {connection.silent:.0f} s"
            self._standing.away = True
        return True

    def _dead(self, connection: Connection) -> bool:
        """Whether no picture came for too long, though bytes may come."""
        source = self._source
        patience = source.stall + GRACE + (0 if connection.frames else max(OPENING, source.stall))
        return connection.silent > patience + (KEYFRAMES if source.keyframes else 0)

    def _leave(self, connection: Connection, reason: str = "") -> str:
        connection.leave()
        connection.join(FAREWELL)
        self._left.append(connection)
        return reason

    def _lost(self, reason: str) -> None:
        """Told, counted, and waited for the next try. A pipe cannot be opened again."""
        standing, source = self._standing, self._source
        standing.losses += 1
        standing.trouble, standing.rate = reason, 0.0
        if source.pipe is not None:
            standing.state = "ended"
            say("ended", logging.WARNING, source=source.name, reason=reason)
            return
        standing.state, standing.away, pause = "waiting", True, self._retrying.lost(self._lived)
        say("lost", logging.WARNING, source=source.name, reason=reason, pause=pause)
        self._stopping.wait(pause)

    def _look(self, frame: Frame) -> None:
        """One frame, in the connection's thread."""
        self._after, standing = frame.mark, self._standing
        standing.away = False
        taken = self._clock.taken(frame.mark)
        standing.last = taken.timestamp()
        if self._source.pipe is not None and not self._open():
            return
        if self._first:
            self._first = False
            if self._mask:
                Masked(frame.picture, self._mask).check()
            standing.connects += 1
            say("connected", source=self._source.name, width=frame.picture.width, height=frame.picture.height)
        if too_large(frame.picture):
            self._too_large += 1
            standing.state, standing.trouble = "live", TOO_LARGE
            return
        standing.state, standing.trouble = "live", ""
        if self._paced():
            standing.frames += 1
            self._glanced(replace(frame, picture=Masked(frame.picture, self._mask)) if self._mask else frame, taken)

    def _glanced(self, shown: Frame, taken: datetime) -> None:
        """Put what may be new into the inbox."""
        standing = self._standing
        glimpse = self._glance.at(shown.picture, standing.dropped) if self._glance else None
        if self._glance and glimpse is None:
            standing.held += 1
        else:
            self._inbox.put(self._seen(shown, taken, glimpse), standing, self._stopping)

    def _paced(self) -> bool:
        looks = self._pace.looks(self._standing.dropped, self._inbox.share(self._place) <= ROOM)
        if self._pace.thinned != self._standing.thinned:
            self._standing.thinned = self._pace.thinned
            say("thinned", source=self._source.name, thinned=self._pace.thinned, dropped=self._standing.dropped)
        return looks

    def _seen(self, shown: Frame, taken: datetime, glimpse: Glimpse | None) -> Seen:
        crop, started = shown.picture.rgb(*self._size), _named(self._connected)
        return Seen(self._place, shown.mark.index, 0, True, taken, shown, crop, started, glimpse=glimpse)

    def _note(self, connection: Connection) -> None:
        """What is wrong with the stream, counted, and told the first time; and how fast frames come."""
        self._lived = connection.lived
        counted = Counter(dict(connection.problems))
        counted["clock jump"] += self._clock.jumps
        counted[TOO_LARGE] += self._too_large
        for reason, count in (counted - self._told).items():
            if not self._told[reason]:
                say("problem", source=self._source.name, reason=reason)
            self._standing.problems[reason] += count
        self._told = counted
        if (passed := time.monotonic() - self._since) >= RATED:
            self._standing.rate = (self._standing.frames - self._rated) / passed
            self._rated, self._since = self._standing.frames, time.monotonic()


def _named(connected: datetime) -> str:
    return connected.strftime("%Y%m%dT%H%M%SZ")


def _now() -> datetime:
    return datetime.now().astimezone()
