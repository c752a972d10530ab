"""The report's samples: evenly spread or random by position alone, bounded, the same after a restart."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Frame, Mark
from streamsel.embed.baseline import EveryNth, RandomSample, Samples
from streamsel.embed.larder import Larder


class Unread:
    """A picture that nobody looks at."""

    width = height = 1


FRAME = Frame(Mark("a.mp4", 0, 0, Fraction(1, 25)), Unread())


@given(st.integers(0, 500), st.integers(2, 40))
def test_every_nth_is_a_regular_stride_from_the_first_row_on(count, capacity):
    sample = EveryNth(capacity)
    held: set[int] = set()
    for row in range(count):
        joins, leave = sample.offer(row)
        held |= {row} if joins else set()
        held -= set(leave)
    assert sorted(held) == sample.rows == list(range(0, count, sample.stride))
    assert len(held) <= capacity
    assert len(held) >= min(count, capacity // 2)


@given(st.integers(1, 300), st.integers(2, 30), st.integers(1, 30))
def test_choosing_spreads_evenly_and_begins_with_the_first(count, capacity, wanted):
    sample = EveryNth(capacity)
    for row in range(count):
        sample.offer(row)
    chosen = sample.choose(wanted)
    assert len(chosen) == len(set(chosen)) == min(wanted, len(sample.rows))
    assert chosen[0] == 0
    assert set(chosen) <= set(sample.rows)


@given(st.permutations(range(40)), st.integers(1, 50))
def test_a_random_sample_depends_on_neither_order_nor_restart(order, capacity):
    whole, cut = RandomSample(capacity), RandomSample(capacity)
    for row in range(40):
        whole.offer(row)
    for place, row in enumerate(order):
        if place == 20:
            state, cut = cut.state(), RandomSample(capacity)
            cut.restore(state)
        cut.offer(row)
    assert whole.rows == cut.rows
    assert len(whole.rows) == min(capacity, 40)


def test_a_random_sample_is_uniform():
    hits = np.zeros(50)
    for seed in range(400):
        sample = RandomSample(10, seed)
        for row in range(50):
            sample.offer(row)
        hits[sample.rows] += 1
    assert abs(hits - 80).max() < 5 * np.sqrt(400 * 0.2 * 0.8)


@given(st.integers(0, 200), st.integers(1, 10))
def test_the_larder_holds_just_what_the_samples_hold(count, capacity):
    larder = Larder(None)
    samples = Samples(larder, capacity)
    kept: set[int] = set()
    for row in range(count):
        samples.offer(row, (FRAME,))
        if row % 7 == 0:
            fresh, gone = larder.take()
            kept = (kept | {stored.row for stored in fresh}) - set(gone)
    fresh, gone = larder.take()
    kept = (kept | {stored.row for stored in fresh}) - set(gone)
    assert kept == set(samples.users())
