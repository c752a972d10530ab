"""The laws of the coreset."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.coreset import Changes, Coreset
from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.grid import grid_side, squared_distances, to_grid
from streamsel.slots import Slots

DIM = 6
State = dict[str, npt.NDArray[Any]]


def unit(rows: npt.NDArray[Any]) -> Vector:
    scaled: Vector = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def walk(seed: int, count: int, dim: int = DIM) -> Vector:
    """Rows like those of a film: slow change, cuts, and pictures that come back to the bit."""
    draw = np.random.default_rng(seed)
    rows = np.cumsum(draw.normal(0, 0.1, (count, dim)), axis=0) + draw.normal(0, 1, dim)
    rows += np.repeat(draw.normal(0, 1, (count // 10 + 1, dim)), 10, axis=0)[:count]
    back = draw.integers(0, count, count)
    rows = np.where(draw.random((count, 1)) < 0.3, rows[np.minimum(back, np.arange(count))], rows)
    return unit(rows + 1e-3)


def feed(coreset: Coreset, rows: Vector, cuts: list[int], values: Vector | None = None) -> list[Changes]:
    edges = [0, *sorted(cuts), len(rows)]
    return [coreset.offer(rows[a:b], None if values is None else values[a:b]) for a, b in pairwise(edges)]


def same(left: State, right: State) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


def written_over(state: State, changes: State) -> State:
    """What a store does with `take_changes`."""
    columns = ("ids", "rows", "weights", "values", "timed")
    slots = {int(slot): place for place, slot in enumerate(state["slots"])}
    table = {slot: [state[name][place] for name in columns] for slot, place in slots.items()}
    for place, slot in enumerate(changes["slots"].tolist()):
        table[slot] = [changes[name][place] for name in columns]
    filled = sorted(slot for slot, row in table.items() if row[0] >= 0)
    named = {name: np.array([table[slot][i] for slot in filled]) for i, name in enumerate(columns)}
    return {**changes, **named, "slots": np.array(filled)}


shapes = st.fixed_dictionaries(
    {
        "capacity": st.integers(2, 40),
        "uniform": st.sampled_from([0.0, 0.25, 0.5, 0.9]),
        "expected": st.sampled_from([None, 3, 60, 120, 1000]),
    }
)
seeds = st.integers(0, 2**32 - 1)
counts = st.integers(1, 120)
cuts_of = st.lists(st.integers(0, 120), max_size=8)


@settings(deadline=None)
@given(seeds, counts, shapes, cuts_of, st.booleans())
def test_any_cut_into_blocks_gives_the_same(
    seed: int, count: int, shape: dict[str, Any], cuts: list[int], valued: bool
) -> None:
    rows = walk(seed, count)
    values = np.random.default_rng(seed).integers(0, 3, count).astype(np.float32) if valued else None
    whole, pieces, single = (Coreset(dim=DIM, **shape) for _ in range(3))
    feed(whole, rows, [], values)
    feed(pieces, rows, [min(cut, count) for cut in cuts], values)
    feed(single, rows, list(range(count)), values)
    assert same(whole.state(), pieces.state())
    assert same(whole.state(), single.state())


@settings(deadline=None)
@given(seeds, counts, shapes, cuts_of)
def test_changes_tell_who_stands_for_every_row(seed: int, count: int, shape: dict[str, Any], cuts: list[int]) -> None:
    coreset = Coreset(dim=DIM, **shape)
    stand_ins: list[int] = []
    present: set[int] = set()
    values = np.random.default_rng(seed).integers(0, 3, count).astype(np.float32)
    for changes in feed(coreset, walk(seed, count), [min(cut, count) for cut in cuts], values):
        heirs = dict(zip(changes.evicted.tolist(), changes.heirs.tolist(), strict=True))
        assert set(changes.evicted.tolist()) <= present
        present = (present - set(heirs)) | set(changes.admitted.tolist())
        stand_ins = [heirs.get(row, row) for row in stand_ins] + changes.holders.tolist()
    members = coreset.members()
    assert present == set(members.ids.tolist())
    assert members.weights.tolist() == [stand_ins.count(row) for row in members.ids]
    assert members.weights.sum() == coreset.seen == count


@settings(deadline=None)
@given(seeds, counts, shapes)
def test_it_is_bounded_and_evenly_spread(seed: int, count: int, shape: dict[str, Any]) -> None:
    coreset = Coreset(dim=DIM, **shape)
    for row in walk(seed, count):
        coreset.offer(row[None])
        assert len(coreset) <= coreset.capacity
    members = coreset.members()
    assert len(members) == len(coreset)
    timed = members.ids[members.timed].tolist()
    assert len(timed) <= coreset.uniform
    assert timed == (list(range(0, count, coreset.stride)) if coreset.uniform else [])
    assert (np.diff(members.ids) > 0).all()


@settings(deadline=None)
@given(seeds, counts, shapes, st.integers(0, 120))
def test_a_snapshot_changes_nothing(seed: int, count: int, shape: dict[str, Any], at: int) -> None:
    rows, at = walk(seed, count), min(at, count)
    through, first = Coreset(dim=DIM, **shape), Coreset(dim=DIM, **shape)
    through.offer(rows)
    first.offer(rows[:at])
    second = Coreset.from_state(first.state())
    assert same(second.state(), first.state())
    assert second.take_changes()["slots"].size == 0
    second.offer(rows[at:])
    assert same(second.state(), through.state())


@settings(deadline=None)
@given(seeds, counts, shapes, cuts_of)
def test_changed_slots_written_over_the_last_state_give_the_next(
    seed: int, count: int, shape: dict[str, Any], cuts: list[int]
) -> None:
    coreset = Coreset(dim=DIM, **shape)
    state = coreset.state()
    for a, b in pairwise([0, *sorted(min(cut, count) for cut in cuts), count]):
        coreset.offer(walk(seed, count)[a:b])
        state = written_over(state, coreset.take_changes())
        if len(coreset):
            assert same(state, coreset.state())
            assert same(Coreset.from_state(state).state(), coreset.state())
    assert coreset.take_changes()["slots"].size == 0


@settings(deadline=None)
@given(seeds, st.lists(counts, min_size=1, max_size=5), shapes, shapes)
def test_merging_adds_weights_and_keeps_bounds(
    seed: int, lengths: list[int], shape: dict[str, Any], other_shape: dict[str, Any]
) -> None:
    first, again = Coreset(dim=DIM, **shape), Coreset(dim=DIM, **shape)
    for place, length in enumerate(lengths):
        other = Coreset(dim=DIM, **other_shape)
        other.offer(walk(seed + place, length))
        before, base = other.state(), first.seen
        present = set(first.members().ids.tolist())
        changes = first.merge(other)
        again.merge(other)
        assert same(other.state(), before)
        present = (present - set(changes.evicted.tolist())) | set(changes.admitted.tolist())
        assert present == set(first.members().ids.tolist()) >= set(changes.holders.tolist())
        assert set(changes.admitted.tolist()) <= set((other.members().ids + base).tolist())
    members = first.members()
    assert members.weights.sum() == first.seen == sum(lengths)
    assert len(members) <= first.capacity
    assert members.timed.sum() <= first.uniform
    assert same(first.state(), again.state())


def test_merged_timed_members_are_spread_over_all_sources() -> None:
    run = Coreset(80, DIM)
    for seed, length in enumerate((400, 100, 700)):
        source = Coreset(80, DIM, expected=length)
        source.offer(walk(seed, length))
        run.merge(source)
    members = run.members()
    gaps = np.diff(members.ids[members.timed])
    assert members.timed.sum() >= 15
    assert gaps.max() <= 4 * np.median(gaps)


@settings(deadline=None)
@given(seeds, counts, st.integers(1, 40), st.booleans())
def test_where_nothing_changes_enough_rows_are_kept(seed: int, count: int, n: int, known: bool) -> None:
    coreset = Coreset(8 * n, DIM, expected=count if known else None)
    coreset.offer(np.repeat(walk(seed, 1), count, axis=0))
    assert len(coreset) >= min(n, count)


@settings(deadline=None)
@given(seeds, counts)
def test_equal_rows_are_admitted_once(seed: int, count: int) -> None:
    rows = walk(seed, count)
    coreset = Coreset(max(2, count), DIM, uniform=0)
    coreset.offer(np.concatenate([rows, rows]))
    assert len(coreset) == len(np.unique(to_grid(rows), axis=0))
    assert coreset.tau == 0


@settings(deadline=None)
@given(seeds, counts, st.integers(2, 12))
def test_what_is_farther_than_tau_from_all_members_joins(seed: int, count: int, capacity: int) -> None:
    coreset = Coreset(capacity, DIM, uniform=0)
    for number, row in enumerate(walk(seed, count)):
        tau, members = coreset.tau, coreset.members().rows
        gaps = np.sqrt(squared_distances(to_grid(row[None]), to_grid(members)))[0] / grid_side(DIM)
        holder = coreset.offer(row[None]).holders[0]
        assert (holder == number) == bool(gaps.min(initial=np.inf) > tau)


def test_pace_admits_fewer_rows_in_vain() -> None:
    rows = walk(5, 3000, 32)

    def admitted(expected: int | None) -> int:
        coreset = Coreset(100, 32, expected=expected)
        return sum(len(changes.admitted) for changes in feed(coreset, rows, list(range(16, 3000, 16))))

    assert admitted(3000) < 0.8 * admitted(None)


@settings(deadline=None)
@given(seeds, counts, shapes, cuts_of)
def test_timed_members_are_as_many_whatever_rows_are_worth(
    seed: int, count: int, shape: dict[str, Any], cuts: list[int]
) -> None:
    plain, valued = Coreset(dim=DIM, **shape), Coreset(dim=DIM, **shape)
    rows, edges = walk(seed, count), [min(cut, count) for cut in cuts]
    feed(plain, rows, edges)
    feed(valued, rows, edges, np.random.default_rng(seed).random(count).astype(np.float32))
    assert valued.stride == plain.stride
    assert valued.members().timed.sum() == plain.members().timed.sum()


@settings(deadline=None)
@given(seeds, counts, shapes, st.booleans())
def test_timed_members_are_of_the_same_stretches_of_time_whatever_rows_are_worth(
    seed: int, count: int, shape: dict[str, Any], rising: bool
) -> None:
    """Also where each row is worth more than all before, and none looks otherwise."""
    plain, valued = Coreset(dim=DIM, **shape), Coreset(dim=DIM, **shape)
    rows, edges = np.repeat(walk(seed, 1), count, axis=0) if rising else walk(seed, count), list(range(7, count, 7))
    worth = np.arange(count) if rising else np.random.default_rng(seed).random(count)
    feed(plain, rows, edges)
    feed(valued, rows, edges, worth.astype(np.float32))
    found = [one.members().ids[one.members().timed] // max(1, one.stride) for one in (plain, valued)]
    assert found[0].tolist() == found[1].tolist()


@settings(deadline=None)
@given(seeds, st.integers(1, 200), st.integers(2, 20))
def test_where_nothing_changes_the_row_worth_most_stays(seed: int, count: int, capacity: int) -> None:
    coreset = Coreset(capacity, DIM, uniform=0)
    values = np.random.default_rng(seed).integers(0, 9, count).astype(np.float32)
    feed(coreset, np.repeat(walk(seed, 1), count, axis=0), list(range(7, count, 7)), values)
    assert coreset.members().values.max() == values.max()


def test_a_better_row_takes_the_place_of_a_timed_member_of_its_time() -> None:
    still = walk(3, 1)
    coreset = Coreset(8, DIM, uniform=0.5, expected=40)
    changes = coreset.offer(np.repeat(still, 15, axis=0), np.eye(1, 15, 3, dtype=np.float32)[0])
    members = coreset.members()
    assert changes.holders.tolist()[3] == 3
    assert members.ids[members.timed].tolist() == [3, 10]
    assert members.weights.sum() == 15


def test_inside_a_tau_ball_the_larger_value_stays() -> None:
    corners = np.eye(DIM, dtype=np.float32)
    beside = unit(corners + 0.3 * np.roll(corners, 1, axis=1))
    coreset = Coreset(4, DIM, uniform=0)
    coreset.offer(np.concatenate([corners[:3], beside[2:3], corners[3:4]]))
    assert coreset.members().ids.tolist() == [0, 1, 2, 4]
    near = unit(corners[:1] + 0.1 * corners[5:])
    assert coreset.offer(near).holders.tolist() == [0]
    changes = coreset.offer(near, np.array([1], np.float32))
    assert changes.holders.tolist() == changes.admitted.tolist() == changes.heirs.tolist() == [6]
    assert changes.evicted.tolist() == [0]
    assert coreset.offer(corners[:1], np.array([1], np.float32)).holders.tolist() == [6]
    assert dict(zip(coreset.members().ids.tolist(), coreset.members().weights.tolist(), strict=True))[6] == 4


@settings(deadline=None)
@given(seeds, st.integers(1, 40), st.integers(1, 1300))
def test_distances_are_exact(seed: int, count: int, dim: int) -> None:
    rows = to_grid(unit(np.random.default_rng(seed).normal(size=(count, dim)) + 2))
    whole = rows.astype(np.int64)
    exact = ((whole[:, None] - whole[None]) ** 2).sum(axis=2)
    found = squared_distances(np.concatenate([rows, -rows]), rows)
    assert np.array_equal(found[:count], exact.astype(np.float32))
    assert np.array_equal(found[:count], found[:count].T)
    assert np.array_equal(found[count:], ((whole[:, None] + whole[None]) ** 2).sum(axis=2).astype(np.float32))


@settings(deadline=None)
@given(seeds, st.lists(st.integers(0, 30), max_size=12))
def test_slots_know_their_nearest_neighbours(seed: int, emptied: list[int]) -> None:
    table, rows = Slots(DIM), walk(seed, 60)
    table.reserve(60)
    for number, row in enumerate(rows):
        grid = to_grid(row[None])
        columns = {"ids": number, "rows": row, "grid": grid[0], "weights": 1, "values": 0, "timed": False}
        table.fill(table.distances(grid)[0], **columns)
        if number in emptied:
            table.empty(np.array([number // 2]) if table.ids[number // 2] >= 0 else np.array([], np.int64))
    squares = table.distances(table.grid)
    np.fill_diagonal(squares, np.inf)
    filled = table.filled()
    assert np.array_equal(table.gaps[filled], squares[filled].min(axis=1))
    assert np.array_equal(table.twins[filled], squares[filled].argmin(axis=1))
    assert (table.twins[table.ids < 0] == -1).all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, DIM + 1), np.float32), r"rows must be \(B, 6\)"),
        (np.zeros(DIM, np.float32), r"rows must be \(B, 6\)"),
        (np.array([[1, 0, 0, 0, 0, 0], [0, 2, 0, 0, 0, 0]], np.float32), "row 1 must be finite and of unit norm"),
        (np.full((1, DIM), np.nan, np.float32), "row 0 must be finite"),
    ],
)
def test_wrong_rows_are_named_and_change_nothing(rows: Vector, message: str) -> None:
    coreset = Coreset(8, DIM)
    coreset.offer(walk(0, 20))
    before = coreset.state()
    with pytest.raises(UsageError, match=message):
        coreset.offer(rows)
    assert same(coreset.state(), before)


@pytest.mark.parametrize("values", [np.zeros(3, np.float32), np.array([0, np.nan], np.float32)])
def test_wrong_values_are_refused(values: Vector) -> None:
    with pytest.raises(UsageError, match="values must be 2 numbers"):
        Coreset(8, DIM).offer(walk(0, 2), values)


@pytest.mark.parametrize(
    "shape", [{"capacity": 1, "dim": 3}, {"capacity": 8, "dim": 0}, {"capacity": 8, "dim": 3, "uniform": 1}]
)
def test_impossible_shapes_are_refused(shape: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="a coreset needs"):
        Coreset(**shape)


def test_coresets_of_different_dimension_do_not_merge() -> None:
    with pytest.raises(UsageError, match="dimension 6 and 7"):
        Coreset(8, 6).merge(Coreset(8, 7))


@pytest.mark.parametrize("lost", ["tau2", "rows", "slots", "weights"])
def test_a_damaged_state_is_one_clear_line(lost: str) -> None:
    coreset = Coreset(8, DIM)
    coreset.offer(walk(0, 20))
    state = coreset.state()
    with pytest.raises(StateError, match="damaged"):
        Coreset.from_state({name: array for name, array in state.items() if name != lost})
    with pytest.raises(StateError, match="damaged"):
        Coreset.from_state({**state, lost: np.zeros((3, 3))})


def test_the_input_is_left_alone_and_not_kept() -> None:
    rows = walk(0, 5)
    before = rows.copy()
    coreset = Coreset(8, DIM)
    coreset.offer(rows)
    assert np.array_equal(rows, before)
    rows[:] = 0
    assert np.array_equal(coreset.members().rows, before)


def test_no_rows_change_nothing() -> None:
    changes = Coreset(8, DIM).offer(np.zeros((0, DIM), np.float32))
    assert all(len(part) == 0 for part in (changes.holders, changes.admitted, changes.evicted, changes.heirs))
