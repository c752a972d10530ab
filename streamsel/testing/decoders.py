"""The laws of the Decoder contract, checked on one source: a new decoder is proved by passing them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from zlib import crc32

from streamsel.data import Frame, Mark, fingerprint
from streamsel.decode import Decoder
from streamsel.decode.walk import DAMAGE
from streamsel.errors import SourceError

__all__ = ["check_decoder"]

Open = Callable[[], Decoder]
Seen = tuple[Mark, bool, tuple[int, int], int]
"""A frame's mark, whether it is a key frame, its size, and a checksum of its pixels."""

MOST_TAILS = 12
"""So many marks are read on from; all of them would take the square of the length."""


def check_decoder(open_decoder: Open) -> None:
    """Raise AssertionError where a decoder breaks a law.

    open_decoder: opens the same source anew, one that is not live. Where packets of the source are damaged, frames must
    have the same places each time they are read from the start, but need not have the same pixels: what a decoder makes
    up for the missing parts depends on how its threads run, and on what it decoded before.
    """
    with open_decoder() as decoder:
        assert isinstance(decoder, Decoder)
        assert decoder.seekable
        frames = list(decoder.read())
        problems = dict(decoder.problems)
        assert frames, "a source without a picture must not open"
        seen = [_seen(frame) for frame in frames]
        _check_frames(decoder, frames)
        damaged = any(reason in problems for reason in DAMAGE)
        same = _same_places if damaged else _equal
        assert same([_seen(frame) for frame in decoder.read()], seen), "two readings differ"
        assert damaged or dict(decoder.problems) == problems, "two readings count different problems"
        _check_fetch(decoder, seen, same)
        if not damaged:
            _check_tails(decoder, seen)
            _check_strangers(decoder, seen)
    decoder.close()
    assert same([_seen(frame) for frame in frames], seen), "frames must stay valid after close"
    if not damaged:
        _check_restart(open_decoder, seen)


Same = Callable[[Sequence[Seen], Sequence[Seen]], bool]


def _equal(found: Sequence[Seen], wanted: Sequence[Seen]) -> bool:
    return list(found) == list(wanted)


def _same_places(found: Sequence[Seen], wanted: Sequence[Seen]) -> bool:
    return [replace(one[0], check=0) for one in found] == [replace(one[0], check=0) for one in wanted]


def _seen(frame: Frame) -> Seen:
    picture = frame.picture
    return frame.mark, frame.key, (picture.width, picture.height), crc32(picture.rgb(40, 24).tobytes())


def _check_frames(decoder: Decoder, frames: Sequence[Frame]) -> None:
    """Each frame by itself, and the order of them."""
    marks = [frame.mark for frame in frames]
    assert all(mark.source == decoder.source.id for mark in marks)
    assert len({mark.time_base for mark in marks}) == 1
    assert all(before.index < mark.index for before, mark in pairwise(marks)), "indexes must go up"
    for frame in frames[:3]:
        sample, picture = frame.picture.i420(), frame.picture
        assert (sample.shape, str(sample.dtype)) == ((96, 64), "uint8")
        assert frame.mark.check == fingerprint(sample)
        assert picture.rgb().shape == (picture.height, picture.width, 3)
        assert (picture.rgb(33, 17).shape, str(picture.rgb(33, 17).dtype)) == ((17, 33, 3), "uint8")


def _check_tails(decoder: Decoder, seen: Sequence[Seen]) -> None:
    """Reading on from a mark gives what came after it."""
    places = _some(range(len(seen)), MOST_TAILS)
    for place in places:
        found = [_seen(frame) for frame in decoder.read(seen[place][0])]
        assert found == seen[place + 1 :], f"reading on from frame {place} differs"


def _check_fetch(decoder: Decoder, seen: Sequence[Seen], same: Same) -> None:
    """Fetching gives the frames asked for, by index, in whatever order they are asked for."""
    draw = random.Random(0)
    for count in {1, 2, len(seen) // 3, len(seen)} - {0}:
        wanted = draw.sample(seen, min(count, len(seen)))
        found = [_seen(frame) for frame in decoder.fetch([one[0] for one in wanted])]
        in_order = sorted(wanted, key=lambda one: one[0].index)
        assert [one[0] for one in found] == [one[0] for one in in_order], (
            "fetched frames must carry the marks asked for"
        )
        assert same(found, in_order), "a fetched frame is another one"
    assert list(decoder.fetch([])) == []


def _check_strangers(decoder: Decoder, seen: Sequence[Seen]) -> None:
    """A mark of a frame that is not there is refused, not answered with another frame."""
    mark = seen[-1][0]
    for stranger in (replace(mark, check=mark.check ^ 1), replace(mark, index=mark.index + 1000, pts=mark.pts + 10**9)):
        assert _refused(partial(decoder.fetch, [stranger])), "a frame that is not there was fetched"
        assert _refused(partial(decoder.read, stranger)), "reading went on from a frame that is not there"


def _refused(ask: Callable[[], Iterable[Frame]]) -> bool:
    try:
        list(ask())
    except SourceError as error:
        return "\n" not in str(error)
    return False


def _check_restart(open_decoder: Open, seen: Sequence[Seen]) -> None:
    """A decoder opened anew goes on, and fetches while it is being read."""
    middle = len(seen) // 2
    with open_decoder() as decoder:
        reading = decoder.read(seen[middle][0])
        first = [_seen(frame) for frame in _take(reading, 1)]
        fetched = [_seen(frame) for frame in decoder.fetch([seen[0][0]])]
        rest = [_seen(frame) for frame in reading]
    assert fetched == seen[:1], "fetching while reading gives another frame"
    assert first + rest == seen[middle + 1 :], "fetching disturbs reading"


def _take(frames: Iterable[Frame], count: int) -> list[Frame]:
    return [frame for _, frame in zip(range(count), frames, strict=False)]


def _some(places: range, count: int) -> list[int]:
    """The first, the last, and others spread between."""
    step = max(1, len(places) // count)
    return sorted({*places[::step], places[-1]})
