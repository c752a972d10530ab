"""Frames of a video again, by their marks: each group of pictures decoded once, each frame proved to be the same.

Two lanes decode groups in turn, each with a decoder of its own: a decoder that is emptied at every seek keeps no second
core busy, whatever its threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from heapq import merge
from itertools import groupby
from typing import Final

from av.video.frame import VideoFrame

from streamsel.data import Frame, Mark
from streamsel.decode.ahead import read_ahead
from streamsel.decode.landing import land
from streamsel.decode.tape import Tape
from streamsel.decode.track import Track
from streamsel.decode.walk import Check, Walk

__all__ = ["fetched"]

LANES: Final = 2
MOST_BYTES: Final = 8 << 20
"""Decoded frames that wait in a lane: 2 of 1080p."""

Made = Callable[[Mark, VideoFrame], Frame]


def fetched(tape: Tape, marks: Sequence[Mark], check: Check, made: Made) -> Iterator[Frame]:
    """Yield each distinct mark's frame, by index. made: what is yielded of a decoded frame.

    Marks are grouped by the key frame before them. A frame that is not found from there is counted out from the start
    of the source, by one more walk that serves all such frames of a lane. Raises SourceError when it is not there.
    """
    wanted = sorted(set(marks), key=lambda mark: mark.index)
    seeking = tape.somewhere() if wanted and tape.trusts_seeking else None
    groups = _groups(seeking, wanted)
    if len(groups) < LANES:
        yield from _lane(tape, seeking, groups, check, made)
        return
    tracks = [seeking, *(tape.track() for _ in range(1, LANES))]
    with ExitStack() as stack:
        lanes = [_lane(tape, track, groups[place::LANES], check, made) for place, track in enumerate(tracks)]
        ahead = [stack.enter_context(closing(read_ahead(lane, MOST_BYTES))) for lane in lanes]
        yield from merge(*ahead, key=lambda frame: frame.mark.index)


def _lane(
    tape: Tape, track: Track | None, groups: Sequence[Sequence[Mark]], check: Check, made: Made
) -> Iterator[Frame]:
    """The frames of groups, one group after the other; the track is closed at the end."""
    counting: Walk | None = None
    try:
        for group in groups:
            missing = list(group)
            for sparing in (True, False):
                for frame in _stretch(track, list(missing), check, sparing=sparing):
                    yield made(missing.pop(0), frame)
            for mark in missing:
                counting = counting or tape.start()
                yield made(mark, tape.count_to(counting, mark, check))
    finally:
        if track is not None:
            tape.leave(track)
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
