"""Reading ahead: the same frames, bounded, and nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Frame, Mark
from streamsel.decode.ahead import read_ahead
from streamsel.errors import SourceError
from streamsel.testing.sinks import FlatPicture

PICTURE = FlatPicture((1, 2, 3), 40, 30)
BYTES = 40 * 30 * 3 // 2


def frames(count: int, error: Exception | None = None, read: list[int] | None = None) -> Iterator[Frame]:
    for index in range(count):
        if read is not None:
            read.append(index)
        yield Frame(Mark("v", index, index, Fraction(1)), PICTURE)
    if error is not None:
        raise error


@given(st.integers(0, 60), st.integers(1, 5 * BYTES))
def test_the_same_frames_in_the_same_order(count, most):
    assert [frame.mark.index for frame in read_ahead(frames(count), most)] == list(range(count))


@given(st.integers(0, 20))
def test_an_error_comes_behind_what_came_before_it(count):
    seen = []
    with pytest.raises(SourceError, match="lost"):
        seen.extend(read_ahead(frames(count, SourceError("lost"))))
    assert len(seen) == count


def test_no_more_waits_than_may():
    read: list[int] = []
    with closing(read_ahead(frames(100, read=read), 3 * BYTES)) as ahead:
        for taken, _ in enumerate(ahead, start=1):
            assert len(read) <= taken + 5
    assert len(read) == 100


def test_closed_early_no_thread_stays():
    before = threading.active_count()
    with closing(read_ahead(frames(10_000), 3 * BYTES)) as ahead:
        next(ahead)
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_closed_early_what_is_read_ends_before_its_thread():
    ended: list[str] = []

    def endless():
        try:
            yield from frames(10_000)
        finally:
            ended.append(threading.current_thread().name)

    with closing(read_ahead(endless(), 3 * BYTES)) as ahead:
        next(ahead)
    assert ended == ["read ahead"]
