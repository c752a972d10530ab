"""The thread of a folder's source: segment after segment, each frame that is looked at goes into the inbox.

What it puts follows from the files and from where it begins, and from nothing else. So whatever the loop had not taken
when its process was killed comes again from the next one: in the same order, with the same offsets and parts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Final

from streamsel.config.edge_source import EdgeSource
from streamsel.daemon.log_lines import say
from streamsel.daemon.pauses import pauses
from streamsel.data import Frame
from streamsel.edge import Begin, Seen, Segment
from streamsel.edge.feeds.connection import told
from streamsel.edge.feeds.hours import Hours
from streamsel.edge.feeds.keepable import TOO_LARGE, too_large
from streamsel.edge.feeds.segment_reading import SegmentReading, moment
from streamsel.edge.feeds.set_aside import SetAside
from streamsel.edge.feeds.watching import Found, Watched
from streamsel.edge.inbox import Inbox
from streamsel.edge.standing import Standing
from streamsel.errors import SourceError, UsageError

__all__ = ["FolderFeed"]

TURN: Final = 1.0
"""Seconds between two scans of the folder, at least."""
SCANS: Final = 20
"""So many times as long as a scan took it is waited for the next one: a scan of half a second every ten seconds."""
MOST: Final = 60.0
"""Seconds between two scans at most, however slow a share is."""
TRIES: Final = 20
"""So often reading may fail at one segment while its folder can be listed, in about two minutes: then the disk is bad
there, and others are not held up any longer."""


class FolderFeed(threading.Thread):
    """place: of the source in the config. size: (width, height) of the model's picture. threads: of the decoder.

    It ends within a second of stopping, or as soon as the decoder gives the next frame that is looked at.
    forgotten: see Watched.
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
    ) -> None:
        super().__init__(name=f"feed {source.name}", daemon=True)
        if source.folder is None:
            raise ValueError(f"source {source.name}: is no folder")
        self._place, self._name, self._inbox, self._standing = place, source.name, inbox, standing
        self._size, self._stopping = size, stopping
        self._hours, self._hours_given = Hours(source.hours), bool(source.hours)
        self._watched = Watched(source.folder, begin, quiet=source.quiet)
        self._reading = SegmentReading(source.folder, source, threads, stopping.is_set)
        self.forgotten = self._watched.forgotten
        self._aside, self._aside_told = SetAside(source.name, source.folder), ""
        self._begun = deque(self._watched.begun)
        """Segments that are not done, the one at hand first."""
        self._part = begin.part if self._begun and self._begun[0].number == begin.offset else 0
        """The next frame of the segment at hand."""
        self._fault: Exception | None = None
        self._too_large, self._too_large_told = 0, False
        self._rated, self._since = 0, time.monotonic()
        self._listed, self._unlisted, self._empty = False, "", ""

    def run(self) -> None:
        """Until stopping is set: first what was begun before, then what is found."""
        resting = pauses()
        while not self._stopping.is_set():
            try:
                self._turn()
                resting = pauses()
            except Exception as error:  # a thread that ends silently is worse than any of them
                self._lost("folder lost", told(error))
                self._stopping.wait(next(resting))

    def _turn(self) -> None:
        self._read_begun()
        began = time.monotonic()
        found = self._scanned()
        took = time.monotonic() - began
        self._aside.keep({one.name for one in found})
        begun = self._read_all(found)
        if self._standing.trouble in ("", self._aside_told):
            self._standing.trouble = self._aside_told = self._aside.trouble
        if not begun:
            self._standing.state, self._standing.rate = "waiting", 0.0
            self._stopping.wait(min(max(TURN, SCANS * took), MOST))

    def _scanned(self) -> list[Found]:
        try:
            found = self._watched.scan(self._stopping.is_set)
        except OSError as error:
            self._away(error)
            return []
        self._there()
        return found

    def _read_all(self, found: Sequence[Found]) -> bool:
        """Reads them in order; False: none could be begun, or the folder went away."""
        begun = 0
        for one in found:
            if self._stopping.is_set():
                break
            if not self._aside.readable(one.name):
                continue
            try:
                segment = self._watched.take(one)
            except OSError as error:
                self._away(error)
                return False
            if segment is not None:
                begun += 1
                self._begun.append(segment)
                self._read_begun()
            else:
                say("segment gone before it was read", logging.WARNING, source=self._name, segment=one.name)
        return begun > 0

    def _read_begun(self) -> None:
        while self._begun and not self._stopping.is_set():
            self._read(self._begun[0])

    def _read(self, segment: Segment) -> None:
        """All that is awaited of a segment, in as many tries as it takes where that is no fault of the segment."""
        tries = 0
        for pause in pauses():
            if self._stopping.is_set():
                return
            try:
                wrong = self._watched.wrong(segment)
                tries += 1
                return self._broken_off(segment, wrong) if wrong else self._put_all(segment)
            except OSError as error:
                self._away(error)
                if tries == TRIES:
                    return self._given_up(segment, error)
            except UsageError as error:  # no segment is to be lost by what is wrong in the file
                self._lost("segment refused", str(error))
            self._stopping.wait(pause)

    def _given_up(self, segment: Segment, error: OSError) -> None:
        """The disk fails there. What gave no frame yet is set aside; else the rest of it would come as another one."""
        if self._part:
            return self._broken_off(segment, f"cannot be read ({error.strerror})")
        self._put(replace(self._seen(segment, 0, moment(segment.modified)), segment=None))
        self._watched.unknown(segment)
        self._aside.put(segment.name, error)
        return None

    def _put_all(self, segment: Segment) -> None:
        """Puts what is awaited of a segment. Raises OSError, behind the frames before, where the disk fails."""
        self._standing.state = "live"
        waiting = None
        with closing(self._readable(segment)) as frames:
            for seen in frames:
                self._put(waiting)
                waiting = seen
        fault, self._fault = self._fault, None
        if self._stopping.is_set():
            return
        if waiting is None or fault:
            self._put(waiting)
            if isinstance(fault, OSError | UsageError):
                raise fault
            return self._broken_off(segment, self._watched.wrong(segment) or _text(fault) or self._empty)
        self._put(replace(waiting, last=True))
        self._done(segment)

    def _readable(self, segment: Segment) -> Generator[Seen, None, None]:
        """The frames up to what goes wrong with reading them, which is kept: no other fault is the segment's."""
        try:
            yield from self._frames(segment)
        except Exception as error:  # whatever a file does to its decoder, it must not end the thread
            self._fault = error.with_traceback(None)  # it would keep the last picture

    def _frames(self, segment: Segment) -> Generator[Seen, None, None]:
        """What is awaited of a segment, each as if more followed."""
        awaited, part, self._empty, self._too_large = self._part, 0, "holds no frame", 0
        if self._hours_given and not self._within_hours(segment):
            self._empty = ""
            return
        with closing(self._reading.frames(segment)) as frames:
            for frame, taken in frames:
                if self._stopping.is_set():
                    return
                if not self._hours.open_at(taken):
                    self._empty = ""
                    continue
                if too_large(frame.picture):
                    self._empty = ""
                    self._turn_away(segment, frame)
                    continue
                if part >= awaited:
                    yield self._seen(segment, part, taken, frame)
                part += 1

    def _turn_away(self, segment: Segment, frame: Frame) -> None:
        """It is no part of the segment, as are those outside of the hours: so parts are the same after a restart."""
        self._too_large += 1
        if not self._too_large_told:
            self._too_large_told, size = True, f"{frame.picture.width} x {frame.picture.height}"
            say("problem", logging.WARNING, source=self._name, segment=segment.name, reason=TOO_LARGE, size=size)

    def _within_hours(self, segment: Segment) -> bool:
        """Whether any of it may be: nights need not be decoded for nothing."""
        begin, lasted = self._reading.span(segment)
        return self._hours.until_open(begin) <= lasted.total_seconds()

    def _seen(self, segment: Segment, part: int, taken: datetime, frame: Frame | None = None) -> Seen:
        crop = frame.picture.rgb(*self._size) if frame else None
        number, suffix = segment.number, self._reading.suffix
        return Seen(self._place, number, part, frame is None, taken, frame, crop, segment=segment, suffix=suffix)

    def _put(self, seen: Seen | None) -> None:
        if seen is None:
            return
        self._inbox.put(seen, self._standing, self._stopping, waits=True)
        self._part = seen.part + 1
        if seen.last:
            self._begun.popleft()
            self._part = 0
        if seen.frame is not None:
            self._standing.frames += 1
            self._standing.last = seen.taken.timestamp()
            self._count()

    def _count(self) -> None:
        self._rated += 1
        now = time.monotonic()
        if now - self._since >= TURN:
            self._standing.rate = self._rated / (now - self._since)
            self._rated, self._since = 0, now

    def _broken_off(self, segment: Segment, reason: str) -> None:
        """Nothing more comes of a segment. reason: empty where that is as it should be."""
        self._put(self._seen(segment, self._part, moment(segment.modified)))
        self._done(segment)
        if reason:
            self._standing.problems["unreadable segment"] += 1
            self._standing.trouble = f"{segment.name}: {reason}"
            say("segment broken off", logging.WARNING, source=self._name, segment=segment.name, reason=reason)

    def _done(self, segment: Segment) -> None:
        problems, self._reading.problems = self._reading.problems, Counter()
        self._standing.segments += 1
        self._standing.trouble = ""
        self._standing.problems.update(problems)
        if self._too_large:
            self._standing.problems[TOO_LARGE] += self._too_large
            self._too_large = 0
        if problems:
            told = [f"{count} {problem}" for problem, count in sorted(problems.items())]
            say("damaged", logging.WARNING, source=self._name, segment=segment.name, problems=told)

    def _there(self) -> None:
        """The folder was listed, but for what it says itself."""
        if not self._listed:
            self._standing.connects += 1
            self._standing.trouble = ""
            say("folder found", source=self._name, folder=str(self._watched.folder))
        self._listed, self._standing.away = True, bool(self._watched.trouble)
        if self._watched.trouble and self._standing.trouble != self._watched.trouble:
            say("folder in part away", logging.WARNING, source=self._name, reason=self._watched.trouble)
        if self._watched.trouble or self._standing.trouble == self._unlisted:
            self._standing.trouble = self._unlisted = self._watched.trouble

    def _away(self, error: OSError) -> None:
        """The folder, or the disk below it, does not give what was asked for: that passes."""
        self._lost("folder away", f"{self._watched.folder}: {error.strerror or error}")

    def _lost(self, event: str, trouble: str) -> None:
        if self._standing.trouble != trouble:
            say(event, logging.WARNING, source=self._name, reason=trouble)
        self._standing.losses, self._standing.away = self._standing.losses + self._listed, True
        self._standing.state, self._standing.trouble, self._listed = "waiting", trouble, False


def _text(fault: Exception | None) -> str:
    return "" if fault is None else str(fault) if isinstance(fault, SourceError) else f"{type(fault).__name__}: {fault}"
