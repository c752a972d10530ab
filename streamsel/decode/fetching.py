"""Frames of a video again, by their marks: each group of pictures decoded once, each frame proved to be the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby

from av.video.frame import VideoFrame

from streamsel.data import Mark
from streamsel.decode.landing import land
from streamsel.decode.tape import Tape
from streamsel.decode.track import Track
from streamsel.decode.walk import Check, Walk

__all__ = ["fetched"]


def fetched(tape: Tape, marks: Sequence[Mark], check: Check) -> Iterator[tuple[Mark, VideoFrame]]:
    """Yield each distinct mark with its frame, by index.

    Marks are grouped by the key frame before them. A frame that is not found from there is counted out from the start
    of the source, by one more walk that serves all such frames. Raises SourceError when it is not there either.
    """
    wanted = sorted(set(marks), key=lambda mark: mark.index)
    seeking = tape.somewhere() if wanted and tape.trusts_seeking else None
    counting: Walk | None = None
    try:
        for group in _groups(seeking, wanted):
            missing = list(group)
            for sparing in (True, False):
                for frame in _stretch(seeking, list(missing), check, sparing=sparing):
                    yield missing.pop(0), frame
            for mark in missing:
                counting = counting or tape.start()
                yield mark, tape.count_to(counting, mark, check)
    finally:
        if seeking is not None:
            tape.leave(seeking)
        if counting is not None:
            tape.leave(counting.track)


def _groups(track: Track | None, marks: Sequence[Mark]) -> list[list[Mark]]:
    """Marks that one stretch of decoding can serve."""
    if track is None:
        return [list(marks)]
    keyed = [(land(track, mark.pts), mark) for mark in marks]
    return [[mark for _, mark in group] for _, group in groupby(keyed, key=lambda pair: pair[0])]


def _stretch(track: Track | None, group: Sequence[Mark], check: Check, *, sparing: bool) -> Iterator[VideoFrame]:
    """The frames of a group, from its key frame on, up to the first that is not found.

    sparing: leave out the frames between that no frame refers to, which changes no bit of those that are wanted.
    """
    if track is None or not group or land(track, group[0].pts) is None:
        return
    with closing(Walk(track, needed={mark.pts for mark in group} if sparing else None)) as walk:
        for mark in group:
            frame = walk.find(mark, check)
            if frame is None:
                return
            yield frame
