"""What live sources sent lately, encoded: packets from a key frame on, bounded in seconds and in bytes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from itertools import islice
from typing import Final

from streamsel.decode.encoded import Coded, Encoded

__all__ = ["LATE", "Ring", "Rings"]

LATE: Final = 5.0
"""Seconds by which a pick may be decided behind its frame's coming, and still have all of its clip."""

BACK, AHEAD = 2.0, 60.0
"""Seconds by which times may go back (as where pictures are reordered) or leap ahead and still be one stream."""

KEY_BACK: Final = 0.25
"""The same of a key frame, before which nothing is decoded that is shown behind it: a short film that is repeated."""

OVERHEAD: Final = 200
"""Bytes of memory that a packet takes beside its data."""

CONNECTED, CUT, JUMPED = (
    "it begins with the connection",
    "what was before was not in memory any more",
    "the stream's times jumped",
)
"""Why a ring has nothing of what was before."""


class Rings:
    """All that is kept. most_bytes: of all together; where it is more, the largest ring drops its oldest packets.

    seconds: that are kept of each, and what clips still need (see `Ring.needed`). lock: for each ring, and for what is
    made of them. dropped: bytes that fell out for want of room, before their time.
    """

    def __init__(self, most_bytes: int, seconds: float) -> None:
        self.most_bytes, self.seconds = most_bytes, seconds
        self.lock = threading.RLock()
        self.nbytes = self.dropped = 0
        self._rings: list[Ring] = []

    def begun(self) -> Ring:
        """A ring of a new connection."""
        with self.lock:
            ring = Ring(self)
            self.add(ring)
            return ring

    def add(self, ring: Ring) -> None:
        """One more; of those that are over, empty ones go. With the lock held."""
        self._rings = [one for one in self._rings if one.packets or not one.ended]
        self._rings.append(ring)

    def make_room(self) -> None:
        """Drops groups of pictures until all fit."""
        while self.nbytes > self.most_bytes:
            largest = max(self._rings, key=lambda ring: ring.nbytes)
            before = self.nbytes
            largest.drop_oldest()
            self.dropped += before - self.nbytes


class Ring:
    """A `Listener` of one connection. All but `put`, `begins` and `end` wants `Rings.lock` to be held.

    packets: the first is a key frame. first: number of the first, counted over the connection. before: why there is
    nothing before it. stretch: goes up where the stream becomes another: packets of two stretches are no one clip.
    needed: asked for the least number that somebody still has to read. heard: monotonic time of the latest packet.
    parted: told of a ring that has ended and holds what came before times jumped, as soon as they do. jumped: when
    that was, of such a ring, by the clock on the wall.
    """

    def __init__(self, rings: Rings) -> None:
        self.coded: Coded | None = None
        self.packets: deque[Encoded] = deque()
        self.first = self.nbytes = self.stretch = 0
        self.ended, self.before, self.heard = False, CONNECTED, time.monotonic()
        self.needed: Callable[[], float] = lambda: float("inf")
        self.parted: Callable[[Ring], None] = lambda ring: None
        self.jumped: datetime | None = None
        self._rings = rings
        self._keys: deque[tuple[int, int]] = deque()
        """(number, pts) of key frames."""
        self._highest = 0

    # -- the connection's thread

    def begins(self, coded: Coded | None) -> None:
        """See `Listener`."""
        with self._rings.lock:
            self._clear()
            self.coded = coded

    def put(self, packet: Encoded) -> None:
        """See `Listener`."""
        with self._rings.lock:
            self.heard = time.monotonic()
            if self.packets and self._jumps(packet):
                self._part()
            if self.ended or self.coded is None or not (self.packets or packet.key):
                return
            self._add(packet)
            self._drop_old()
            self._rings.make_room()

    def end(self) -> None:
        """The connection is over; what is kept stays for `LATE` seconds, see `Rings`."""
        with self._rings.lock:
            self.ended = True

    # -- with the lock held

    @property
    def highest(self) -> int:
        """The latest time to show a picture."""
        return self._highest

    @property
    def time_base(self) -> Fraction:
        """Seconds of a unit of time."""
        return self.coded.time_base if self.coded else Fraction(1)

    @property
    def usual(self) -> int:
        """Time-base units from one picture to the next."""
        return self.coded.usual if self.coded else 0

    def key_before(self, pts: int) -> tuple[int, int] | None:
        """(number, pts) of the last key frame at or before that time; else the first one; None: there is none."""
        earlier = [key for key in self._keys if key[1] <= pts]
        return earlier[-1] if earlier else self._keys[0] if self._keys else None

    def holds(self, seconds: float) -> bool:
        """Whether a picture of that time of the stream can be shown: it came, and a key frame before it."""
        pts = round(seconds / self.time_base)
        key = self.key_before(pts)
        return key is not None and key[1] <= pts <= self._highest + self.usual

    def since(self, number: int, most: int | None = None) -> list[Encoded]:
        """Packets from that number on, at most so many; it must not be less than `first`."""
        begin = number - self.first
        return list(islice(self.packets, begin, None if most is None else begin + most))

    def drop_oldest(self) -> None:
        """Up to the next key frame, or all."""
        self.before = CUT
        self._drop(self._keys[1][0] if len(self._keys) > 1 else self.first + len(self.packets))

    def release(self) -> None:
        """All of it: nobody wants it any more."""
        self._drop(self.first + len(self.packets))

    def _add(self, packet: Encoded) -> None:
        if packet.key:
            self._keys.append((self.first + len(self.packets), packet.pts))
        self._highest = max(self._highest, packet.pts) if self.packets else packet.pts
        self.packets.append(packet)
        self._count(len(packet.data) + OVERHEAD)

    def _drop_old(self) -> None:
        oldest = self._highest - self._rings.seconds / self.time_base
        while len(self._keys) > 1 and self._keys[1][1] <= oldest and self._keys[1][0] <= self.needed():
            self.before = CUT
            self._drop(self._keys[1][0])

    def _drop(self, number: int) -> None:
        while self.first < number and self.packets:
            self._count(-len(self.packets.popleft().data) - OVERHEAD)
            self.first += 1
        while self._keys and self._keys[0][0] < number:
            self._keys.popleft()

    def _jumps(self, packet: Encoded) -> bool:
        apart = (packet.pts - self._highest) * self.time_base
        return not -(KEY_BACK if packet.key else BACK) <= apart <= AHEAD

    def _part(self) -> None:
        """What is kept goes to a ring of its own, which has ended."""
        past = Ring(self._rings)
        past.coded, past.packets, past.first, past.nbytes = self.coded, self.packets, self.first, self.nbytes
        past.stretch, past.before, past._keys, past._highest = self.stretch, self.before, self._keys, self._highest
        past.ended, past.jumped = True, datetime.now(UTC)
        self.first, self.packets, self._keys = self.first + len(self.packets), deque(), deque()
        self.nbytes, self.before = 0, JUMPED
        self._rings.add(past)
        self.parted(past)

    def _clear(self) -> None:
        self._drop(self.first + len(self.packets))
        self.stretch += 1

    def _count(self, nbytes: int) -> None:
        self.nbytes += nbytes
        self._rings.nbytes += nbytes
