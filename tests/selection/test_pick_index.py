"""The nearest pick is that of brute force, bit for bit, whatever the batch."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.selection.rows import pair_distance
from streamsel.selection.stream import blocks, pick_index
from streamsel.selection.stream.pick_index import PickIndex
from streamsel.testing.strategies import varied_rows

numbers = st.floats(-4, 4, width=32) | st.sampled_from([0.0, -0.0, 1.0, 1e-20, 1.0000001])
shapes = st.tuples(st.integers(1, 24), st.integers(1, 5))
tables = hnp.arrays(np.float32, shapes, elements=numbers)


def with_picks(picks: Vector) -> PickIndex:
    return PickIndex(picks.shape[1]).restore({"picks": picks})


def brute_force(picks: Vector, rows: Vector) -> tuple[list[float], list[int]]:
    table = [pair_distance(picks, row[None]) for row in rows]
    return [float(distances.min()) for distances in table], [int(distances.argmin()) for distances in table]


def agrees(index: PickIndex, rows: Vector) -> bool:
    distance, ordinal = index.nearest(rows)
    return (distance.tolist(), ordinal.tolist()) == brute_force(index.picks, rows)


@pytest.mark.parametrize("crowd", [1, pick_index.CROWD])
@given(picks=tables, rows=tables, power=st.integers(-12, 12))
@settings(deadline=None)
def test_the_nearest_is_that_of_brute_force(crowd: int, picks: Vector, rows: Vector, power: int) -> None:
    rows = np.resize(rows, (len(rows), picks.shape[1]))
    scale = np.float32(10.0**power)
    with mock.patch.object(pick_index, "CROWD", crowd):
        assert agrees(with_picks(picks * scale), rows * scale)


@pytest.mark.parametrize("apart", [1e-7, 1e-5, 1e-3, 1e-1])
def test_picks_that_a_float32_product_cannot_tell_apart_are_told_apart(apart: float) -> None:
    random = np.random.default_rng(0)
    rows = varied_rows(1, 512) + apart * random.standard_normal((400, 512)).astype(np.float32)
    assert agrees(with_picks(rows[:300]), rows[250:])


def test_blocks_of_rows_and_pairs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = varied_rows(200, 32)
    whole = with_picks(rows[:120]).nearest(rows)
    monkeypatch.setattr(pick_index, "SCORES", 500)
    monkeypatch.setattr(pick_index, "PAIRS", 70)
    monkeypatch.setattr(pick_index, "CROWD", 2)
    monkeypatch.setattr(blocks, "ROWS", 7)
    parts = with_picks(rows[:120]).nearest(rows)
    assert [array.tobytes() for array in parts] == [array.tobytes() for array in whole]


def test_the_lowest_ordinal_wins_a_tie() -> None:
    picks = np.array([[0, 1], [1, 0], [-1, 0], [1, 0], [0, 1]], np.float32)
    _, ordinal = with_picks(picks).nearest(np.array([[1, 0], [0, -1], [0, 1], [-1, 0]], np.float32))
    assert ordinal.tolist() == [1, 1, 0, 2]


def test_before_the_first_pick_everything_is_far() -> None:
    distance, ordinal = PickIndex(3).nearest(np.ones((2, 3), np.float32))
    assert distance.tolist() == [np.inf, np.inf]
    assert ordinal.tolist() == [-1, -1]


def test_a_search_stays_true_as_picks_are_added() -> None:
    rows = varied_rows(150, 24)
    index = with_picks(rows[:1])
    near = index.search(rows)
    for pick in rows[1:120]:
        index.add(pick)
    distance, ordinal = index.nearest(rows)
    told = [index.now(near, row) for row in range(len(rows))]
    assert told == list(zip(distance.tolist(), ordinal.tolist(), strict=True))


@given(picks=tables, again=st.lists(st.integers(0, 23), max_size=8), rows=tables, cut=st.lists(st.integers(0, 12)))
@settings(deadline=None)
def test_what_is_forgotten_was_never_there(picks: Vector, again: list[int], rows: Vector, cut: list[int]) -> None:
    rows = np.resize(rows, (len(rows), picks.shape[1]))
    picks = np.concatenate([picks, picks[np.array(again, np.int64) % len(picks)]])  # repetitions outlive originals
    with mock.patch.object(blocks, "ROWS", 4):
        index, gone = with_picks(picks), 0
        for count in cut:
            count = min(count, len(index))
            index.forget(count)
            gone += count
            assert np.array_equal(index.picks, picks[gone:])
            left = with_picks(picks[gone:])
            told, expected = index.search(rows), left.search(rows)
            assert told.distance.tobytes() == expected.distance.tobytes()
            assert told.ordinal.tolist() == expected.ordinal.tolist()
            index.add(rows[0])
            left.add(rows[0])
            picks = np.concatenate([picks, rows[:1]])
            assert [index.now(told, row) for row in range(len(rows))] == [
                left.now(expected, row) for row in range(len(rows))
            ]


def test_picks_can_be_read_and_not_written() -> None:
    rows = varied_rows(100, 4)
    index = with_picks(rows)
    assert np.array_equal(index.picks, rows)
    assert len(index) == 100
    with pytest.raises(ValueError, match="read-only"):
        index.picks[0] = 0


@pytest.mark.parametrize("row", [[1, 2], [[1, 2, 3]], [1, 2, np.nan], [1, 2, -np.inf], [1, 2, 1e30]])
def test_a_row_that_cannot_be_a_pick_is_refused(row: list[float]) -> None:
    index = with_picks(np.eye(3, dtype=np.float32))
    with pytest.raises(UsageError, match=r"\(3,\)|row 0"):
        index.add(np.array(row, np.float32))
    assert len(index) == 3


def test_a_state_of_another_dimension_is_refused() -> None:
    with pytest.raises(StateError, match=r"shape \(2, 2\), expected \(M, 3\)"):
        PickIndex(3).restore({"picks": np.eye(2, dtype=np.float32)})


def test_rows_have_at_least_one_number() -> None:
    with pytest.raises(UsageError, match="dim must be 1 or more, got 0"):
        PickIndex(0)
