"""Clips of segments in a folder: cut from the file that the pick is of, when nothing more is about to be added.

Which are due is noted with the picks, in their transaction; so what a kill leaves undone is cut after it. They do not
go over into the next segment.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from copy import deepcopy
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from streamsel.config.edge import EdgeClips
from streamsel.data import Source
from streamsel.decode.remux import hole_free, needed
from streamsel.decode.segment_packets import SegmentPackets
from streamsel.edge import Seen, Segment
from streamsel.edge.clips.clip_file import ClipFile
from streamsel.edge.clips.clip_wish import Ended, Wish
from streamsel.edge.keeping.shots import Shot
from streamsel.errors import SinkError, SourceError

__all__ = ["SegmentClips"]

AT_ONCE: Final = 64
"""Packets that are read at a time: more than any codec puts out of order."""

SETTLED: Final = 2.0
"""Seconds after which no further pick of a segment is waited for: one that still comes has the clip cut again."""


@dataclass(slots=True, eq=False)
class _Clip:
    """changed: monotonic time of its latest pick. done: whether it was cut as it is now wished for."""

    wish: Wish
    segment: Segment
    changed: float
    done: bool = False


class SegmentClips:
    """folders: of each source. noted: what `noted` gave in the process before."""

    def __init__(
        self, folder: Path, rule: EdgeClips, folders: Mapping[str, Path], noted: Mapping[str, Any] | None
    ) -> None:
        self._folder, self._rule, self._folders = folder, rule, folders
        self._clips: dict[str, list[_Clip]] = {}
        """Of each source those to be cut, and the latest one, which may grow."""
        for source, clips in (noted or {}).items():
            if source in folders:
                self._clips[source] = [_read(one) for one in clips]
        self._lock = threading.Lock()

    def plan(self, source: str, shot: Seen | Shot, at: float, taken: datetime, stem: str, id_: str) -> str | None:
        """The file that will show a pick: that of the segment's latest clip where it falls into that, or a new one."""
        segment = shot.segment
        if segment is None or not shot.suffix:
            return None
        with self._lock:
            clips = self._clips.setdefault(source, [])
            clip = next((one for one in clips if id_ in one.wish.picks), clips[-1] if clips else None)
            if clip is None or clip.segment != segment or not (id_ in clip.wish.picks or clip.wish.takes(at)):
                of = "segment", segment.name
                clip = _Clip(Wish.made(f"{stem}{shot.suffix}", source, of, taken, at, self._rule), segment, 0.0)
                clips.append(clip)
            clip.wish.add(id_, taken, at, self._rule.after)
            clip.changed, clip.done = time.monotonic(), False
            return clip.wish.file

    def committed(self, source: str, id_: str) -> None:
        """What was planned for a pick is to be cut."""
        with self._lock:
            for clip in self._clips.get(source, ()):
                if id_ in clip.wish.picks:
                    clip.wish.picks[id_] = True

    def noted(self) -> dict[str, Any]:
        """As JSON: what is to be cut, and the latest of each source, with picks that are about to be committed."""
        with self._lock:
            self._clips = {source: kept for source, clips in self._clips.items() if (kept := _kept(clips))}
            return {source: [_noted(clip) for clip in clips] for source, clips in self._clips.items()}

    def step(self, *, stopping: bool) -> list[Ended]:
        """Cuts one that is due, if there is any; what came of it. stopping: what is open stays noted.

        It stays noted also while it is cut: a kill, or a stop that does not wait for it, leaves it to the next process.
        """
        with self._lock:
            clip = None if stopping else self._next()
            wish = deepcopy(clip.wish) if clip else None
        if clip is None or wish is None:
            return []
        try:
            return [self._cut(wish, clip.segment)]
        except (OSError, SinkError, SourceError, ValueError) as error:
            return [Ended(wish.source, wish.file, str(error))]
        finally:
            with self._lock:
                clip.done = clip.wish == wish  # else a pick was added meanwhile, which the file does not tell of

    def _next(self) -> _Clip | None:
        """The first whose picks are committed, and to which none is about to be added; with the lock held."""
        now = time.monotonic()
        for clips in self._clips.values():
            for clip in clips:
                settled = clip is not clips[-1] or now - clip.changed > SETTLED
                if settled and not clip.done and all(clip.wish.picks.values()):
                    return clip
        return None

    def _cut(self, wish: Wish, segment: Segment) -> Ended:
        path = self._folders[wish.source] / segment.name
        told = path.stat()
        if (told.st_size, told.st_mtime_ns) != (segment.size, segment.modified):
            raise SourceError(f"{wish.source}/{segment.name}: has changed since it was read")
        packets = SegmentPackets(Source(f"{wish.source}/{segment.name}", str(path)), wish.begin)
        with closing(packets):
            return _written(self._folder / wish.file, wish, packets)


def _written(path: Path, wish: Wish, packets: SegmentPackets) -> Ended:
    """Some packets at a time, up to the end of the clip or of the segment."""
    end, highest, reading = round(wish.end / packets.coded.time_base), -sys.maxsize, iter(packets)
    pending = list(islice(reading, AT_ONCE))
    file = ClipFile(path, packets.coded, pending)
    try:
        while True:
            beyond = [one for one in pending if one.pts > end]
            more = list(islice(reading, AT_ONCE)) if len(beyond) < AT_ONCE else []
            count = needed(pending, end) if more else hole_free(pending, highest, end)
            file.write(pending[:count])
            highest = max([highest, *(one.pts for one in pending[:count])])
            pending = [*pending[count:], *more]
            if not more:
                break
        early, short = _why(wish, packets.begin, file.shown().end)
        return file.finish(wish, file.shown(early, short))
    except BaseException:
        file.give_up()
        raise


def _why(wish: Wish, begin: float, ends: float) -> tuple[str, list[str]]:
    """Why it begins earlier, and what it lacks."""
    early = round(wish.begin - begin, 3)
    short = ["the segment begins later"] if early < 0 else []
    if ends < wish.end:
        short.append("the segment ends earlier")
    if wish.end >= wish.latest:
        short.append("longest")
    return "key frame" if early > 0 else "", short


def _kept(clips: list[_Clip]) -> list[_Clip]:
    return [clip for clip in clips[:-1] if not clip.done] + clips[-1:]


def _noted(clip: _Clip) -> dict[str, Any]:
    return {"wish": clip.wish.noted(), "segment": asdict(clip.segment), "done": clip.done}


def _read(noted: Mapping[str, Any]) -> _Clip:
    return _Clip(Wish.read(noted["wish"]), Segment(**noted["segment"]), 0.0, noted["done"])
