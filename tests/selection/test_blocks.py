"""Rows in blocks are those of a list, stay where they are, and take memory for as long as they are there."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.selection.stream import blocks
from streamsel.selection.stream.blocks import ROWS, Blocks

steps = st.lists(st.integers(-12, 12), max_size=30)
"""So many rows come; below 0: so many go, at most all."""


@given(steps=steps, places=st.lists(st.integers(0, 400), max_size=20))
def test_they_are_those_of_a_list(steps: list[int], places: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROWS", 5)
        made, plain = Blocks(2), list[list[float]]()
        for step in steps:
            for _ in range(step):
                plain.append([float(len(plain)), float(step)])
                made.append(np.array(plain[-1], np.float32))
            if step < 0:
                count = min(-step, len(plain))
                made.drop(count)
                del plain[:count]
            assert (len(made), made.shape) == (len(plain), (len(plain), 2))
        assert made.copy().tolist() == plain
        assert [made[place].tolist() for place in range(len(made))] == plain
        start = len(plain) // 2
        assert [row for part in made.parts(start) for row in part.tolist()] == plain[start:]
        wanted = [place % len(plain) for place in places] if plain else []
        assert made.take(np.array(wanted, np.int64)).tolist() == [plain[place] for place in wanted]


def test_a_row_stays_where_it_is() -> None:
    made = Blocks(3)
    made.append(1.0)
    first = made[0]
    for number in range(3 * ROWS):
        made.append(float(number))
    assert np.shares_memory(first, made[0])


def test_what_is_gone_takes_no_memory() -> None:
    made = Blocks(3)
    for number in range(2 * ROWS):
        made.append(float(number))
    parts = [weakref.ref(part.base) for part in made.parts() if part.base is not None]
    made.drop(ROWS - 1)
    assert [part() is not None for part in parts] == [True, True]
    made.drop(1)
    assert [part() is not None for part in parts] == [False, True]
    made.drop(ROWS)
    assert [part() is not None for part in parts] == [False, False]


@pytest.mark.parametrize("place", [-1, 2])
def test_a_row_that_is_not_there_is_an_index_error(place: int) -> None:
    made = Blocks(1)
    made.append(0.0)
    made.append(1.0)
    with pytest.raises(IndexError, match="of 2"):
        made[place]
