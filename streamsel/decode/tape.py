"""A video that can be walked along any number of times, and the rules of when a seek is to be believed."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import cached_property
from typing import Final

from av.video.frame import VideoFrame

from streamsel.data import Mark, Source
from streamsel.decode.failure import failure
from streamsel.decode.landing import land
from streamsel.decode.scan import PacketScan, count_packets
from streamsel.decode.track import Track
from streamsel.decode.walk import DAMAGE, Check, Step, Walk
from streamsel.errors import UsageError

__all__ = ["Tape"]

AHEAD: Final = 2
"""Frames that the decoder may have in hand beyond one a core: it goes on while whoever reads is busy with a block."""
MOST_THREADS: Final = 16
"""More are not recommended by libavcodec."""


class Tape:
    """Opens walks over one source, and closes them all.

    keyframes: decode key frames only. ranked: indexes are ranks of times, as must be where frames are not all decoded.
    Both are given up for raw streams, which have no times: there every frame is decoded and counted.
    Raises SourceError when the source cannot be opened or holds no picture.
    """

    def __init__(self, source: Source, *, threads: int = 0, keyframes: bool = False, ranked: bool = False) -> None:
        self.source = source
        self._threads = threads or _frames_ahead()
        self._open: set[Track] = set()
        self._closed = False
        self._probed: Walk | None = None
        self.keyframes = False
        track = self.track()
        probed = Walk(track)
        self.first = self._first_step(probed)
        """The first frame of the source: its pts is the zero of `start` and `fps`."""
        self.time_base = track.stream.time_base or Fraction(1, 1000)
        self._has_times = track.has_times and self.first.frame.pts is not None
        self._may_restart = track.times_may_restart
        self.keyframes = keyframes and self._has_times
        self.ranked = (ranked or keyframes) and self._has_times
        self._probed = None if self.ranked else probed
        if self.ranked:
            self.leave(track)

    def track(self) -> Track:
        """A newly opened track, at the start."""
        if self._closed:
            raise UsageError(f"{self.source.id}: this decoder is closed")
        track = Track(self.source.location, self.source.id, threads=self._threads, keyframes=self.keyframes)
        self._open.add(track)
        return track

    def somewhere(self) -> Track:
        """A track to seek in: the one that read the first frame, if nothing else goes on with it."""
        walk, self._probed = self._probed, None
        return walk.track if walk else self.track()

    def start(self) -> Walk:
        """A walk from the start."""
        walk, self._probed = self._probed, None
        return walk or Walk(self.track(), self._ranks)

    def at(self, pts: int) -> Walk:
        """A walk from a key frame at or before `pts`, or from the start."""
        if self.ranked and self.trusts_seeking:
            walk = Walk(self.track(), self._ranks)
            if land(walk.track, pts) is not None:
                return walk
            self.leave(walk.track)
        return self.start()

    def after(self, mark: Mark, check: Check) -> Walk:
        """A walk from behind the frame of `mark`, with no problems counted yet.

        Raises SourceError when that frame is not there any more.
        """
        walk = self._sought(mark, check)
        if walk is None:
            walk = self.start()
            self.count_to(walk, mark, check)
        walk.track.problems.clear()
        return walk

    def count_to(self, walk: Walk, mark: Mark, check: Check) -> VideoFrame:
        """Read on to the frame of `mark`. Raises SourceError when that frame is not there any more.

        In a damaged file the fingerprint is not asked for: what the decoder makes up differs from time to time.
        """
        frame = walk.count_to(mark)
        if frame is None or not (mark.check in (0, check(frame)) or self._damaged):
            what = f"the file changed: frame {mark.index} is another one; run with --fresh"
            raise failure(self.source.id, what)
        return frame

    @cached_property
    def trusts_seeking(self) -> bool:
        """Whether a time names one frame here: not in raw streams, nor where times restart."""
        return self._has_times and not (self._may_restart and not self._scan.unique)

    def leave(self, track: Track) -> None:
        """Close a track."""
        track.close()
        self._open.discard(track)

    def close(self) -> None:
        """Close everything; walks end."""
        self._closed, self._probed = True, None
        for track in self._open:
            track.close()
        self._open.clear()

    def _sought(self, mark: Mark, check: Check) -> Walk | None:
        """A walk that came behind the frame by seeking; None: not for certain."""
        if not self.trusts_seeking:
            return None
        walk = Walk(self.somewhere(), self._ranks)
        if walk.seek_after(mark, check):
            return walk
        self.leave(walk.track)
        return None

    def _first_step(self, walk: Walk) -> Step:
        step = next(walk, None)
        if step is None:
            self.close()
            raise failure(self.source.id, "no picture in it could be decoded; leave it out or copy it again")
        walk.push(step)
        return step

    @cached_property
    def _damaged(self) -> bool:
        """Whether damage is found when all is decoded once more."""
        walk = Walk(self.track())
        try:
            for _ in walk:
                pass
            return any(walk.track.problems[reason] for reason in DAMAGE)
        finally:
            self.leave(walk.track)

    @cached_property
    def _scan(self) -> PacketScan:
        return count_packets(self.source)

    @property
    def _ranks(self) -> PacketScan | None:
        return self._scan if self.ranked else None


def _frames_ahead() -> int:
    """How many frames a file's decoder works on at once; a live one takes its own number, for the sake of delay."""
    return min(MOST_THREADS, (os.cpu_count() or 1) + AHEAD)
