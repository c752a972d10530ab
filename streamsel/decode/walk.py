"""A walk along a track: each decoded frame with its index and its time, missing times filled in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Self

from av.video.frame import VideoFrame

from streamsel.data import Mark
from streamsel.decode.encoded import usual_duration
from streamsel.decode.landing import land
from streamsel.decode.scan import PacketScan
from streamsel.decode.track import Track

__all__ = ["DAMAGE", "Check", "Step", "Walk"]

Check = Callable[[VideoFrame], int]
"""The fingerprint of a decoded frame."""

DAMAGE = ("bad packet", "damaged picture", "truncated")
"""Problems after which decoding with several threads may give other pixels each time."""

MOST_UNTIMED = 8
"""So many frames are held back until one of them says its time; else times are counted from 0."""

MOST_LATE = 32
"""So many frames later than the one looked for, and it will not come: no codec reorders further."""


@dataclass(frozen=True, slots=True)
class Step:
    """A frame on a walk: index and pts as in data.Mark."""

    index: int
    pts: int
    frame: VideoFrame


class Walk:
    """An iterator of Steps from where a track stands; whoever made the track closes it.

    ranks: None to count frames from 0; else the index is the rank of the frame's time among all packets, and goes up
    by at least one from frame to frame. needed: as in Track.frames; then indexes mean nothing.
    """

    def __init__(self, track: Track, ranks: PacketScan | None = None, needed: Collection[int] | None = None) -> None:
        self.track = track
        self._ranks = ranks
        self._next = 0
        self._ahead: list[Step] = []
        self._timed = self._with_times(needed)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Step:
        if self._ahead:
            return self._ahead.pop()
        pts, frame = next(self._timed)
        index = self._next if self._ranks is None else max(self._next, self._ranks.rank(pts))
        self._next = index + 1
        return Step(index, pts, frame)

    def close(self) -> None:
        """Let go of the frames in hand at once: the walk and what it reads from refer to each other."""
        self._ahead = []
        self._timed.close()

    def count_problems_in(self, problems: Counter[str]) -> None:
        """Count what goes wrong in this counter from here on, which first becomes what went wrong so far."""
        problems.clear()
        problems.update(self.track.problems)
        self.track.problems = problems

    def push(self, step: Step) -> None:
        """Give a step back: the next one will be this one again."""
        self._ahead.append(step)

    def count_from(self, index: int) -> None:
        """Give the next frame this index."""
        self._ahead = [replace(step, index=index + ahead) for ahead, step in enumerate(self._ahead)]
        self._next = index + len(self._ahead)

    def seek_after(self, mark: Mark, check: Check) -> bool:
        """Stand behind the frame of `mark`, by seeking; False: the very same frame was not found for certain.

        It is the same when its time and fingerprint are, and neither neighbour has its time.
        """
        if land(self.track, mark.pts) is None or not self._find_only(mark, check):
            return False
        self._next = mark.index + 1
        following = next(self, None)
        if following is not None:
            if following.pts == mark.pts:
                return False
            self.push(following)
        return True

    def count_to(self, mark: Mark) -> VideoFrame | None:
        """Read on to the frame with the index of `mark`; None: it has another time, or does not come."""
        for step in self:
            if step.index >= mark.index:
                return step.frame if (step.index, step.pts) == (mark.index, mark.pts) else None
        return None

    def find(self, mark: Mark, check: Check) -> VideoFrame | None:
        """Read on to the first frame with the time and fingerprint of `mark`; None: it does not come."""
        for step in self._not_too_late(mark.pts):
            if step.pts == mark.pts and mark.check in (0, check(step.frame)):
                return step.frame
        return None

    def _find_only(self, mark: Mark, check: Check) -> bool:
        before = None
        for step in self._not_too_late(mark.pts):
            if step.pts == mark.pts:
                return step.pts != before and mark.check in (0, check(step.frame))
            before = step.pts
        return False

    def _not_too_late(self, pts: int) -> Iterator[Step]:
        late = 0
        for step in self:
            yield step
            late += step.pts > pts
            if late > MOST_LATE:
                return

    def _with_times(self, needed: Collection[int] | None) -> Generator[tuple[int, VideoFrame], None, None]:
        track, usual = self.track, usual_duration(self.track.stream)
        frames = track.frames(needed)
        first = self._up_to_a_time(frames)
        due = first[-1].pts - (len(first) - 1) * usual if first and first[-1].pts is not None else 0
        last, size = None, None
        for frame in chain(first, frames):
            pts = frame.pts
            if pts is None:
                track.problems["missing pts"] += 1
                pts = due
            elif last is not None and pts <= last:
                track.problems["repeated pts" if pts == last else "backward pts"] += 1
            if frame.is_corrupt:
                track.problems["damaged picture"] += 1
            if size not in (None, (frame.width, frame.height)):
                track.problems["resolution change"] += 1
            last, due, size = pts, pts + (frame.duration or usual), (frame.width, frame.height)
            yield pts, frame

    def _up_to_a_time(self, frames: Iterator[VideoFrame]) -> list[VideoFrame]:
        """The first frames, up to one that says its time: cameras may begin without."""
        first = []
        for frame in frames:
            first.append(frame)
            if frame.pts is not None or not self.track.has_times or len(first) == MOST_UNTIMED:
                break
        return first
