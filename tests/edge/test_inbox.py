"""What the inbox promises: bounded, in order, fair, and nothing of a folder lost."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Frame, Mark
from streamsel.decode.picture import StillPicture
from streamsel.edge import Seen
from streamsel.edge.inbox import LEAST, PER_KEPT, Inbox
from streamsel.edge.standing import Standing

ROW = 3 * 400
"""Bytes of a picture that is one pixel high."""


def seen(place: int, offset: int, rows: int = 1) -> Seen:
    picture = StillPicture(np.zeros((rows, 400, 3), np.uint8))
    frame = Frame(Mark(f"camera {place}", offset, offset, Fraction(1, 25)), picture)
    return Seen(place, offset, 0, True, datetime.now(UTC), frame)


class Sources:
    """Some live sources and folders before an inbox; folders only put what fits now, as if they waited elsewhere."""

    def __init__(self, rows: int, folders: int = 0, sources: int = 4) -> None:
        self.inbox = Inbox(rows * ROW)
        self.standings = [Standing(f"source {place}") for place in range(sources)]
        self.folders = set(range(sources - folders, sources))
        self.count = [0] * sources
        self.taken: list[Seen] = []
        self.stopping = threading.Event()
        self.hurried = threading.Event()
        self.hurried.set()

    def put(self, place: int, rows: int = 1) -> None:
        waits = place in self.folders
        before = self.inbox.queued
        self.inbox.put(
            seen(place, self.count[place], rows),
            self.standings[place],
            self.hurried if waits else self.stopping,
            waits=waits,
        )
        self.count[place] += not waits or self.inbox.queued > before

    def take(self, most: int) -> None:
        self.taken += self.inbox.take(most, 0.0)


PUTS = st.tuples(st.just("put"), st.integers(0, 3), st.integers(1, 12))
TAKES = st.tuples(st.just("take"), st.integers(1, 5), st.just(0))


@given(st.integers(1, 40), st.integers(0, 4), st.lists(PUTS | PUTS | PUTS | TAKES, max_size=80))
def test_bounded_in_order_and_all_accounted_for(rows, folders, steps):
    sources = Sources(rows, folders)
    inbox = sources.inbox
    for step, number, height in steps:
        sources.put(number, height) if step == "put" else sources.take(number)
        assert inbox.nbytes <= inbox.most_bytes or inbox.queued == 1
    left = inbox.queued
    sources.take(1000)
    came = Counter(one.place for one in sources.taken)
    assert (inbox.queued, inbox.nbytes) == (0, 0)
    assert left <= len(sources.taken)
    for place, standing in enumerate(sources.standings):
        offsets = [one.offset for one in sources.taken if one.place == place]
        assert offsets == sorted(offsets)
        assert came[place] + standing.dropped == sources.count[place]
        assert standing.dropped == 0 or place not in sources.folders


@given(st.lists(st.integers(0, 3), max_size=60))
def test_over_all_sources_the_oldest_comes_first(places):
    sources = Sources(1000)
    for place in places:
        sources.put(place)
    sources.take(1000)
    assert [one.place for one in sources.taken] == places


def test_who_floods_loses_its_own():
    sources = Sources(20)
    for turn in range(300):
        sources.put(0)
        if turn % 30 == 0:
            sources.put(1)
            sources.put(2)
        if turn % 10 == 0:
            sources.take(1)
    assert sources.standings[0].dropped > 200
    assert [standing.dropped for standing in sources.standings[1:]] == [0, 0, 0]


def test_the_oldest_frames_go():
    sources = Sources(5)
    for _ in range(12):
        sources.put(0)
    sources.take(100)
    assert [one.offset for one in sources.taken] == [7, 8, 9, 10, 11]


def test_a_frame_that_is_larger_than_all_of_it_fits_alone():
    sources = Sources(4)
    sources.put(0)
    sources.put(1, rows=9)
    assert (sources.inbox.queued, sources.standings[0].dropped) == (1, 1)
    sources.put(0)
    sources.take(9)
    assert [one.place for one in sources.taken] == [0]


def test_what_has_no_picture_counts_too():
    inbox, hurried = Inbox(10 * LEAST), threading.Event()
    hurried.set()
    for offset in range(20):
        inbox.put(Seen(0, offset, 0, True, datetime.now(UTC)), Standing("folder"), hurried, waits=True)
    assert inbox.queued == 5


def test_folders_leave_room_for_live_sources():
    sources = Sources(10, folders=1)
    for _ in range(20):
        sources.put(3)
    for _ in range(20):
        sources.put(0)
    assert sources.count[3] == 5
    sources.take(100)
    assert Counter(one.place for one in sources.taken) == {0: 5, 3: 5}


def test_share_is_what_a_source_fills():
    sources = Sources(10)
    sources.put(1, rows=5)
    assert [sources.inbox.share(place) for place in range(3)] == [0.0, 0.5, 0.0]


@pytest.mark.parametrize("ends", ["stopping", "close"])
def test_a_folder_waits_until_it_is_told_to_stop(ends):
    inbox, stopping, standing = Inbox(ROW), threading.Event(), Standing("folder")
    inbox.put(seen(0, 0), standing, stopping, waits=True)
    waiting = threading.Thread(target=inbox.put, args=(seen(0, 1), standing, stopping), kwargs={"waits": True})
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    stopping.set() if ends == "stopping" else inbox.close()
    waiting.join(60)
    assert not waiting.is_alive()
    assert inbox.queued == 1


def test_a_closed_one_gives_and_takes_nothing():
    inbox, standing = Inbox(10 * ROW), Standing("camera")
    inbox.put(seen(0, 0), standing, threading.Event())
    taking = threading.Thread(target=inbox.close)
    taking.start()
    taking.join()
    inbox.put(seen(0, 1), standing, threading.Event())
    assert inbox.take(10, 60.0) == []
    assert standing.dropped == 0


def test_threads_lose_nothing_that_is_not_counted():
    """Two floods, a slow camera and two folders at once, and a loop that is too slow for them."""
    inbox, stopping, each = Inbox(30 * ROW), threading.Event(), 800
    standings = [Standing(f"source {place}") for place in range(5)]

    def feed(place: int, rows: int) -> None:
        for offset in range(each):
            inbox.put(seen(place, offset, rows), standings[place], stopping, waits=place >= 3)

    feeds = [threading.Thread(target=feed, args=(place, rows)) for place, rows in enumerate((1, 2, 1, 1, 3))]
    for thread in feeds:
        thread.start()
    taken: list[Seen] = []
    while any(thread.is_alive() for thread in feeds) or inbox.queued:
        taken += inbox.take(8, 0.05)
        assert inbox.nbytes <= inbox.most_bytes
    for place, standing in enumerate(standings):
        offsets = [one.offset for one in taken if one.place == place]
        assert offsets == sorted(offsets)
        assert len(offsets) + standing.dropped == each
        assert standing.dropped == 0 or place < 3


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_live_frames_go_first_and_folders_have_their_share(batches, cameras, segments):
    """While both wait, one of four that are taken is a folder's, whatever the batches are; all are full."""
    sources = Sources(1000, folders=1, sources=2)
    for place, count in ((1, segments), (0, cameras)):
        for _ in range(count):
            sources.put(place)
    for most in batches:
        waiting, before = sources.inbox.queued, len(sources.taken)
        sources.take(most)
        assert len(sources.taken) - before == min(most, waiting)
        came = Counter(one.place for one in sources.taken)
        if came[0] < cameras and came[1] < segments:
            share = len(sources.taken) / (PER_KEPT + 1)
            assert share - 1 < came[1] <= share
        elif segments and came[0] == cameras:
            break


@pytest.mark.parametrize("rows", [1, 2, 5, 9])
def test_where_there_is_room_for_one_frame_both_kinds_have_their_turns(rows):
    """Frames of 5 rows, as where `memory_limit` leaves no more: the folder's thread waits at all times."""
    sources = Sources(rows, folders=1, sources=2)
    for _ in range(40):
        sources.put(1, 5)
        sources.put(0, 5)
        sources.take(1)
    came = Counter(one.place for one in sources.taken)
    assert came[0] >= 2 * came[1] >= 16
