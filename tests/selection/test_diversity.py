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
from streamsel.selection import Strategy, diversity
from streamsel.selection.diversity import Diversity
from streamsel.selection.rows import pair_distance
from streamsel.testing import check_strategy
from streamsel.testing.strategies import varied_rows

numbers = st.floats(-4, 4, width=32) | st.sampled_from([0.0, -0.0, 1.0, 1e-20, 1.0000001])
shapes = st.tuples(st.integers(1, 24), st.integers(1, 5))
tables = hnp.arrays(np.float32, shapes, elements=numbers)


def squared(picks: Vector, row: Vector) -> float:
    return float(np.square(picks.astype(np.float64) - row).sum(axis=1).min())


def with_picks(picks: Vector) -> Diversity:
    return Diversity(picks.shape[1]).restore({"picks": picks})


def brute_force(picks: Vector, rows: Vector) -> tuple[list[float], list[int]]:
    table = [pair_distance(picks, row[None]) for row in rows]
    return [float(distances.min()) for distances in table], [int(distances.argmin()) for distances in table]


def agrees(strategy: Diversity, rows: Vector) -> bool:
    distance, ordinal = strategy.nearest(rows)
    return (distance.tolist(), ordinal.tolist()) == brute_force(strategy.picks, rows)


@given(tables)
@settings(deadline=None, max_examples=60)
def test_the_laws_of_a_strategy_hold_for_any_rows(rows: Vector) -> None:
    check_strategy(lambda: Diversity(rows.shape[1]), rows, squared)


@pytest.mark.parametrize("dim", [1, 7, 64, 1280])
def test_the_laws_of_a_strategy_hold_in_any_dimension(dim: int) -> None:
    assert isinstance(Diversity(dim), Strategy)
    check_strategy(lambda: Diversity(dim), varied_rows(80, dim), squared)


@pytest.mark.parametrize("crowd", [1, diversity.CROWD])
@given(picks=tables, rows=tables, power=st.integers(-12, 12))
@settings(deadline=None)
def test_the_nearest_is_that_of_brute_force(crowd: int, picks: Vector, rows: Vector, power: int) -> None:
    rows = np.resize(rows, (len(rows), picks.shape[1]))
    scale = np.float32(10.0**power)
    with mock.patch.object(diversity, "CROWD", crowd):
        assert agrees(with_picks(picks * scale), rows * scale)


@pytest.mark.parametrize("apart", [1e-7, 1e-5, 1e-3, 1e-1])
def test_picks_that_a_float32_product_cannot_tell_apart_are_told_apart(apart: float) -> None:
    random = np.random.default_rng(0)
    rows = varied_rows(1, 512) + apart * random.standard_normal((400, 512)).astype(np.float32)
    assert agrees(with_picks(rows[:300]), rows[250:])


def test_blocks_of_rows_and_pairs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = varied_rows(200, 32)
    whole = with_picks(rows[:120]).nearest(rows)
    monkeypatch.setattr(diversity, "SCORES", 500)
    monkeypatch.setattr(diversity, "PAIRS", 70)
    monkeypatch.setattr(diversity, "CROWD", 2)
    parts = with_picks(rows[:120]).nearest(rows)
    assert [array.tobytes() for array in parts] == [array.tobytes() for array in whole]


def test_the_lowest_ordinal_wins_a_tie() -> None:
    picks = np.array([[0, 1], [1, 0], [-1, 0], [1, 0], [0, 1]], np.float32)
    _, ordinal = with_picks(picks).nearest(np.array([[1, 0], [0, -1], [0, 1], [-1, 0]], np.float32))
    assert ordinal.tolist() == [1, 1, 0, 2]


def test_before_the_first_pick_everything_is_far() -> None:
    distance, ordinal = Diversity(3).nearest(np.ones((2, 3), np.float32))
    assert distance.tolist() == [np.inf, np.inf]
    assert ordinal.tolist() == [-1, -1]


def test_update_brings_a_search_up_to_date() -> None:
    rows = varied_rows(150, 24)
    strategy = with_picks(rows[:1])
    distance, ordinal = strategy.nearest(rows)
    for pick in rows[1:120]:
        strategy.add(pick)
        strategy.update(rows, distance, ordinal)
    fresh = strategy.nearest(rows)
    assert distance.tobytes() == fresh[0].tobytes()
    assert ordinal.tobytes() == fresh[1].tobytes()


def test_picks_can_be_read_and_not_written() -> None:
    rows = varied_rows(100, 4)
    strategy = with_picks(rows)
    assert np.array_equal(strategy.picks, rows)
    assert len(strategy) == 100
    with pytest.raises(ValueError, match="read-only"):
        strategy.picks[0] = 0


@pytest.mark.parametrize("row", [[1, 2], [[1, 2, 3]], [1, 2, np.nan], [1, 2, -np.inf], [1, 2, 1e30]])
def test_a_row_that_cannot_be_a_pick_is_refused(row: list[float]) -> None:
    strategy = with_picks(np.eye(3, dtype=np.float32))
    with pytest.raises(UsageError, match=r"\(3,\)|row 0"):
        strategy.add(np.array(row, np.float32))
    assert len(strategy) == 3


def test_a_state_of_another_dimension_is_refused() -> None:
    with pytest.raises(StateError, match=r"shape \(2, 2\), expected \(M, 3\)"):
        Diversity(3).restore({"picks": np.eye(2, dtype=np.float32)})


def test_rows_have_at_least_one_number() -> None:
    with pytest.raises(UsageError, match="dim must be 1 or more, got 0"):
        Diversity(0)
