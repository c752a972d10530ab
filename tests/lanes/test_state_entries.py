"""Entries: what changed of arrays, from which the arrays are made again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import StateError
from streamsel.lanes.state_entries import CHUNK, Entries, arrays_of
from tests.lanes.made_lanes import compact

DTYPES = st.sampled_from(["<f4", "<f8", "<i8", "|u1", "|b1", ">i4", "<u8"])
SHAPES = st.lists(st.sampled_from([0, 1, 2, 3, 40]), max_size=3).map(tuple)


@st.composite
def tables(draw):
    """Some arrays by name."""
    made = {}
    for name in draw(st.lists(st.sampled_from(["a", "a/b", "strategy.0.x", "ü"]), unique=True)):
        shape, seed = draw(SHAPES), draw(st.integers(0, 3))
        made[name] = np.random.default_rng(seed).integers(0, 2, shape).astype(draw(DTYPES))
    return made


def same(left, right):
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert array.shape == right[name].shape
        assert array.dtype == right[name].dtype.newbyteorder("=")
        assert np.array_equal(array, right[name])


@given(st.lists(tables(), min_size=1, max_size=5), st.lists(st.integers(0, 9), min_size=5, max_size=5))
def test_entries_in_order_make_the_arrays_and_so_they_do_from_any_point_on(steps, more):
    written, state, picks = Entries(), {}, np.empty((0, 3), np.float32)
    gone = 0
    for arrays, rows, lost in zip(steps, more, reversed(more), strict=False):
        picks = np.concatenate([picks, np.full((rows, 3), rows, np.float32)])
        lost = min(lost, len(picks))
        picks, gone = picks[lost:], gone + lost
        compact(state, written.changed(arrays, {"picks": picks}, {"picks": gone}))
        same(arrays_of(state), {**arrays, "picks": picks})
        assert written.changed(arrays, {"picks": picks}, {"picks": gone}) == {}
        assert Entries(state).changed(arrays, {"picks": picks}, {"picks": gone}) == {}
        assert len([key for key in state if key.startswith(b"picks#")]) == len(picks)
        written = Entries(state)


def test_only_the_chunks_that_changed_are_told():
    written, array = Entries(), np.zeros(5 * CHUNK, np.uint8)
    assert sum(len(value) for key, value in written.changed({"a": array}, {}).items() if b"#" in key) == 5 * CHUNK
    array[2 * CHUNK] = 1
    assert list(written.changed({"a": array}, {})) == [b"a#2"]
    assert set(written.changed({"a": array[: CHUNK + 1]}, {})) == {b"a", b"a#1", b"a#2", b"a#3", b"a#4"}
    assert set(written.changed({}, {})) == {b"a", b"a#0", b"a#1"}


def test_what_goes_costs_as_many_keys():
    written, rows = Entries(), np.ones((10_000, 32), np.float32)
    written.changed({}, {"picks": rows[:9_000]})
    told = written.changed({}, {"picks": rows[1_000:9_001]}, {"picks": 1_000})
    assert len(told) == 1 + 1 + 1_000
    assert sum(len(value) for value in told.values() if value) < 300


def test_what_grows_costs_what_was_added():
    written, rows = Entries(), np.ones((10_000, 32), np.float32)
    written.changed({}, {"picks": rows[:9_000]})
    told = written.changed({}, {"picks": rows[:9_003]})
    assert set(told) == {b"picks", b"picks#9000", b"picks#9001", b"picks#9002"}
    assert sum(map(len, told.values())) < 3 * 32 * 4 + 100


def test_an_array_that_is_no_block_of_memory_is_told_as_it_is():
    array = np.arange(12, dtype=np.int64).reshape(3, 4).T
    same(arrays_of(Entries().changed({"a": array}, {})), {"a": array})


@pytest.mark.parametrize("head", [b"", b"[]", b"null", b'{"dtype": "x", "shape": [1], "rows": false}', b"\xff"])
def test_a_damaged_head_is_told(head):
    with pytest.raises(StateError, match="damaged"):
        arrays_of({b"a": head, b"a#0": b"1"})


@pytest.mark.parametrize("lost", [b"a#0", b"a#1"])
def test_a_missing_or_short_part_is_told(lost):
    state = Entries().changed({"a": np.ones(CHUNK, np.float32)}, {})
    with pytest.raises(StateError, match="damaged"):
        arrays_of({**state, lost: b"short"})
    del state[lost]
    with pytest.raises(StateError, match=r"part \d of a is missing"):
        arrays_of(state)
