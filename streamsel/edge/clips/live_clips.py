"""Clips of live sources: planned when their pick is written, filled as packets come, closed some seconds behind."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from streamsel.config.edge import EdgeClips
from streamsel.decode.encoded import Coded, Encoded
from streamsel.decode.remux import hole_free, needed
from streamsel.edge import Seen
from streamsel.edge.clips.clip_file import ClipFile
from streamsel.edge.clips.clip_wish import Ended, Wish
from streamsel.edge.clips.ring import JUMPED, LATE, Ring, Rings
from streamsel.edge.keeping.shots import Shot
from streamsel.errors import SinkError

__all__ = ["LiveClips"]

SILENT: Final = 60.0
"""Seconds without a packet after which a clip is closed, though its connection may go on, as that of a pipe."""

CHANGED: Final = "the stream became another one"
GONE: Final = "its packets were not in memory any more"


@dataclass(slots=True, eq=False)
class _Clip:
    """cursor: number of the packet to write next. stretch: of its ring. sealed: nothing is added any more."""

    wish: Wish
    ring: Ring
    stretch: int
    cursor: int
    early: str
    short: list[str]
    sealed: bool = False
    file: ClipFile | None = None
    highest: int = -sys.maxsize

    def pts(self, seconds: float) -> int:
        """Of a time of its stream."""
        return round(seconds / self.ring.time_base)

    @property
    def lost(self) -> bool:
        """Whether packets that it was still to have fell out of the ring."""
        return self.stretch != self.ring.stretch or self.cursor < self.ring.first

    def takes(self, at: float, ring: Ring | None) -> bool:
        """Whether it can show a pick of that time, whose packets are in that ring, too."""
        return not self.sealed and not self.lost and self.ring is ring and self.wish.takes(at)


class LiveClips:
    """`plan` and `committed` are for the loop's thread, `ring` for those of connections, `step` for the one that
    writes. nbytes, dropped: see `Rings`. waits: seconds by which frames wait for the last one of their sequence."""

    def __init__(self, folder: Path, rule: EdgeClips, waits: float = 0.0) -> None:
        self._folder, self._rule = folder, rule
        self.rings = Rings(rule.memory, rule.before + LATE + waits)
        self._lock = self.rings.lock
        self._known: dict[tuple[str, str], list[Ring]] = {}
        """Of each connection the ring that it fills, and before it those of what came before times jumped."""
        self._latest: dict[tuple[str, str], _Clip] = {}
        self._planned: dict[str, _Clip] = {}
        """By the id of a pick that is not committed yet."""
        self._open: list[_Clip] = []

    def ring(self, source: str, started: str) -> Ring:
        """For the packets of a new connection."""
        with self._lock:
            ring = self.rings.begun()
            known = self._known[source, started] = [ring]
            ring.needed = lambda: min((clip.cursor for clip in self._open if clip.ring is ring), default=float("inf"))
            ring.parted = lambda past: self._parted(known, past)
            return ring

    def _parted(self, known: list[Ring], past: Ring) -> None:
        """Times jumped: what is open of before goes on with what there is of that."""
        known.insert(-1, past)
        for clip in self._open:
            if clip.ring is known[-1]:
                clip.ring = past

    def plan(self, source: str, shot: Seen | Shot, at: float, taken: datetime, stem: str, id_: str) -> str | None:
        """The file that will show a pick: that of a clip which is still open, or a new one; None: there is none."""
        with self._lock:
            before, latest = self._planned.pop(id_, None), self._latest.get((source, shot.started))
            ring = _holding(self._known.get((source, shot.started), ()), at, taken)
            clip = next((one for one in (before, latest) if one is not None and one.takes(at, ring)), None)
            if before is not None and before is not clip:
                self._withdraw(before, id_)
            clip = clip or self._new(source, shot.started, ring, at, taken, stem)
            if clip is None:
                return None
            clip.wish.add(id_, taken, at, self._rule.after)
            self._planned[id_] = clip
            return clip.wish.file

    def committed(self, id_: str) -> None:
        """What was planned for a pick is to be written."""
        with self._lock:
            if (clip := self._planned.pop(id_, None)) is not None:
                clip.wish.picks[id_] = True

    def step(self, *, stopping: bool) -> list[Ended]:
        """Writes what has come; what ended by it. stopping: all that is open is closed."""
        with self._lock:
            at_hand = [clip for clip in self._open if clip.wish.committed]
        ended = [one for clip in at_hand if (one := self._step(clip, stopping))]
        with self._lock:
            self._forget()
        return ended

    def _new(self, source: str, started: str, ring: Ring | None, at: float, taken: datetime, stem: str) -> _Clip | None:
        coded = ring.coded if ring else None
        if ring is None or coded is None:
            return None
        wish = Wish.made(f"{stem}{coded.suffix}", source, ("started", started), taken, at, self._rule)
        key = ring.key_before(round(wish.begin / coded.time_base))
        if key is None:
            return None
        early, short = _beginning(wish, float(key[1] * coded.time_base), ring.before)
        clip = _Clip(wish, ring, ring.stretch, key[0], early, short)
        self._latest[source, started] = clip
        self._open.append(clip)
        return clip

    def _withdraw(self, clip: _Clip, id_: str) -> None:
        """A pick that is tried again is not shown by it; what no pick is left of is no clip, and needs no packets."""
        # Not changed in place: whoever writes the facts goes through it without the lock.
        clip.wish.picks = {pick: committed for pick, committed in clip.wish.picks.items() if pick != id_}
        if not clip.wish.picks:
            clip.sealed = True
            self._open.remove(clip)

    def _step(self, clip: _Clip, stopping: bool) -> Ended | None:
        with self._lock:
            packets, ahead, coded = self._due(clip, stopping)
        try:
            return self._write(clip, packets, ahead, coded)
        except (OSError, SinkError, ValueError) as error:
            return self._given_up(clip, str(error))

    def _due(self, clip: _Clip, stopping: bool) -> tuple[list[Encoded], list[Encoded], Coded | None]:
        """What to write now of what there is; and whether that is all, is noted in the clip."""
        if clip.lost:
            clip.sealed = True
            clip.short.append(CHANGED if clip.stretch != clip.ring.stretch else "memory was full")
            return [], [], None
        ahead, end, ring = clip.ring.since(clip.cursor), clip.pts(clip.wish.end), clip.ring
        missing = ring.highest + ring.usual < end
        silent = time.monotonic() - ring.heard > SILENT
        over = ring.ended or silent or ring.highest > end + clip.pts(LATE)
        clip.sealed = stopping or (over and all(clip.wish.picks.values()))
        if clip.sealed and missing:
            ended = JUMPED if ring.jumped else "the connection ended" if ring.ended else "nothing came"
            clip.short.append("it was stopped" if stopping and not ring.jumped else ended)
        if clip.sealed and clip.wish.end >= clip.wish.latest:
            clip.short.append("longest")
        packets = ahead[: hole_free(ahead, clip.highest, end) if clip.sealed else needed(ahead, end)]
        clip.cursor += len(packets)
        clip.highest = max(clip.highest, *(one.pts for one in packets)) if packets else clip.highest
        return packets, ahead, ring.coded

    def _write(
        self, clip: _Clip, packets: Sequence[Encoded], ahead: Sequence[Encoded], coded: Coded | None
    ) -> Ended | None:
        if clip.file is None and packets and coded is not None:
            clip.file = ClipFile(self._folder / clip.wish.file, coded, ahead)
        if clip.file is None:
            return self._given_up(clip, GONE) if clip.sealed else None
        clip.file.write(packets)
        if not clip.sealed:
            return None
        ended = clip.file.finish(clip.wish, clip.file.shown(clip.early, clip.short))
        self._close(clip)
        return ended

    def _given_up(self, clip: _Clip, reason: str) -> Ended:
        if clip.file is not None:
            with suppress(OSError, SinkError):
                clip.file.give_up()
        self._close(clip)
        return Ended(clip.wish.source, clip.wish.file, reason)

    def _close(self, clip: _Clip) -> None:
        with self._lock:
            clip.sealed, clip.file = True, None
            self._open.remove(clip)

    def _forget(self) -> None:
        """Connections that are over for so long that no pick of theirs comes any more."""
        now = time.monotonic()
        used = {id(clip.ring) for clip in self._open}
        for key, rings in list(self._known.items()):
            for ring in list(rings):
                if ring.ended and id(ring) not in used and now - ring.heard > 2 * LATE:
                    ring.release()
                    rings.remove(ring)
            if not rings:
                del self._known[key]
                self._latest.pop(key, None)


def _holding(rings: Sequence[Ring], at: float, taken: datetime) -> Ring | None:
    """The ring of a connection that has the packets of a pick; where two have its time, when it was taken tells."""
    holding = [ring for ring in rings if ring.holds(at)]
    return next((ring for ring in holding if ring.jumped and taken <= ring.jumped), holding[-1] if holding else None)


def _beginning(wish: Wish, begin: float, before: str) -> tuple[str, list[str]]:
    """Why a clip begins before it is to, or behind that."""
    early = round(wish.begin - begin, 3)
    if early >= 0:
        return ("key frame" if early else ""), []
    return "", [before]
