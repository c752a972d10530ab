"""The laws of the stream mode's gate."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.data import Vector
from streamsel.embed.gate import LEAST, LOOK, MEMORY, REACH, SAME, Gate
from streamsel.embed.scout import DIM
from streamsel.errors import UsageError
from streamsel.selection.stream.onepass import OnePass
from streamsel.selection.stream.rate import SETTLED, band


def unit(rows: npt.NDArray[Any]) -> Vector:
    scaled: Vector = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def film(seed: int, count: int, step: float = 0.0006) -> Vector:
    """Descriptors of a film: slow change, cuts, and scenes that come back."""
    draw = np.random.default_rng(seed)
    scenes = np.repeat(draw.normal(0, 1, (count // 25 + 1, DIM)), 25, axis=0)[:count]
    again = draw.integers(0, count, count) // 25 * 25
    scenes = np.where(draw.random((count, 1)) < 0.2, scenes[again], scenes)
    return unit(scenes + np.cumsum(draw.normal(0, step * np.sqrt(DIM), (count, DIM)), axis=0))


def turned(angle: float) -> Vector:
    """One descriptor, at this distance from `turned(0)` for small angles."""
    row = np.zeros((1, DIM), np.float32)
    row[0, :2] = np.cos(angle), np.sin(angle)
    return row


ratios = st.sampled_from([None, 0.001, 0.02, 0.1, 0.5, 1.0])
seeds = st.integers(0, 2**32 - 1)
counts = st.integers(1, 150)


@settings(deadline=None)
@given(seeds, counts, ratios, st.lists(st.integers(0, 150), max_size=6))
def test_any_cut_into_blocks_gives_the_same(seed: int, count: int, ratio: float | None, cuts: list[int]) -> None:
    rows = film(seed, count)
    whole, pieces, single = (Gate(target_ratio=ratio) for _ in range(3))
    expected = whole.offer(rows)
    edges = [0, *sorted(min(cut, count) for cut in cuts), count]
    assert np.array_equal(np.concatenate([pieces.offer(rows[a:b]) for a, b in pairwise(edges)]), expected)
    assert np.array_equal(np.concatenate([single.offer(row[None]) for row in rows]), expected)


@settings(deadline=None)
@given(seeds, counts, ratios, st.integers(0, 150))
def test_a_snapshot_changes_nothing(seed: int, count: int, ratio: float | None, at: int) -> None:
    rows, at = film(seed, count), min(at, count)
    through, second = Gate(target_ratio=ratio), Gate(target_ratio=ratio)
    second.offer(film(seed + 1, 30))
    start = through.offer(rows[:at])
    through.settle(np.flatnonzero(start == LOOK).tolist(), [0.5] * int((start == LOOK).sum()))
    second.restore(through.state())
    assert np.array_equal(second.offer(rows[at:]), through.offer(rows[at:]))
    assert (second.seen, second.passed) == (through.seen, through.passed)
    assert all(np.array_equal(second.state()[name], array) for name, array in through.state().items())


def test_a_snapshot_of_a_full_memory_changes_nothing() -> None:
    rows = film(3, 2 * MEMORY, step=0.05)
    through, second = Gate(), Gate()
    through.offer(rows[: MEMORY + 100])
    second.restore(through.state())
    assert np.array_equal(second.offer(rows), through.offer(rows))


@settings(deadline=None)
@given(seeds, counts)
def test_a_held_frame_looks_like_one_let_through(seed: int, count: int) -> None:
    rows = film(seed, count)
    held_by = Gate().offer(rows)
    for place, by in enumerate(held_by.tolist()):
        if by != LOOK:
            assert by < place
            assert held_by[by] == LOOK
            assert np.linalg.norm(rows[place] - rows[by]) < SAME + 0.003


def test_slow_drift_does_not_pass_unseen() -> None:
    step = SAME / 10
    held_by = Gate().offer(np.concatenate([turned(step * place) for place in range(200)]))
    passed = np.flatnonzero(held_by == LOOK)
    assert len(passed) >= 15
    assert np.diff(passed).max() <= 13


def test_a_scene_that_comes_back_is_held() -> None:
    gate, scene = Gate(), turned(0)
    gate.offer(scene)
    for place in range(0, 3 * MEMORY, 100):
        gate.offer(film(place, 100, step=0.05))
        assert gate.offer(scene).tolist() == [0]


def test_what_was_useful_longest_ago_is_forgotten() -> None:
    gate = Gate()
    gate.offer(turned(0))
    gate.offer(film(1, MEMORY, step=0.05))
    assert gate.passed == MEMORY + 1
    assert gate.offer(turned(0)).tolist() == [LOOK]
    assert len(gate.state()["rows"]) == MEMORY


def test_room_widens_what_a_frame_holds() -> None:
    gate = Gate()
    gate.offer(turned(0))
    gate.settle([0, 77], [0.5, 1.0])
    reach = REACH * 0.5**2
    assert gate.offer(turned(0.8 * reach)).tolist() == [0]
    assert gate.offer(turned(1.2 * reach)).tolist() == [LOOK]
    gate.settle([0], [0.0])
    assert gate.offer(turned(-0.5 * SAME)).tolist() == [0]
    assert gate.offer(turned(-0.8 * reach)).tolist() == [LOOK]


def test_the_nearest_holder_is_named() -> None:
    gate = Gate()
    gate.offer(np.concatenate([turned(0), turned(0.03)]))
    gate.settle([0, 1], [1.0, 1.0])
    assert gate.offer(np.concatenate([turned(0.01), turned(0.022)])).tolist() == [0, 1]


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from([0.001, 0.01, 0.05, 0.2, 1.0]), st.sampled_from([0.0, 0.0006, 0.05]))
def test_a_ratio_always_gets_its_choice(seed: int, ratio: float, step: float) -> None:
    rows = film(seed, 1200, step) if step else np.repeat(turned(0), 1200, axis=0)
    passed = np.cumsum(Gate(target_ratio=ratio).offer(rows) == LOOK)
    assert (passed >= np.minimum(1, LEAST * ratio) * np.arange(1, 1201)).all()


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from([0.001, 0.01, 0.05, 0.2, 1.0]), st.integers(1, 1500))
def test_the_choice_goes_on_when_nothing_changes_any_more(seed: int, ratio: float, lively: int) -> None:
    rows = np.concatenate([film(seed, lively, 0.05), np.repeat(turned(0), 3000, axis=0)])
    passed = np.flatnonzero(Gate(target_ratio=ratio).offer(rows) == LOOK)
    assert np.diff(passed).max() <= math.ceil(1 / min(1, LEAST * ratio))


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from([0.01, 0.05, 0.2]), st.sampled_from([30, 290, 1000]))
def test_the_ratio_is_kept_of_a_film_shown_again_and_again(seed: int, ratio: float, length: int) -> None:
    rows = np.resize(film(seed, length, 0.05), (6000, DIM))
    passed = np.flatnonzero(Gate(target_ratio=ratio).offer(rows) == LOOK)
    decisions = OnePass(DIM, target_ratio=ratio).offer(rows[passed], np.diff(passed, prepend=-1).tolist())
    kept = np.bincount(passed, [bool(decision) for decision in decisions], len(rows)).cumsum()
    seen = np.arange(SETTLED, len(rows) + 1)
    assert all(abs(kept[t - 1] - ratio * t) <= band(ratio, t) for t in seen)


def test_with_a_ratio_the_most_novel_pass() -> None:
    rows = film(8, 3000, step=0.002)
    gate = Gate(target_ratio=0.01)
    held_by = gate.offer(rows)
    assert 0.25 < (held_by == LOOK).mean() < 0.45
    assert (held_by[25:600:25] == LOOK).mean() > 0.9


def test_what_only_repeats_passes_no_more_than_it_must() -> None:
    held_by = Gate(target_ratio=0.01).offer(np.repeat(turned(0), 1000, axis=0))
    assert (held_by == LOOK).sum() <= LEAST * 0.01 * 1000 + 1


@pytest.mark.parametrize("wrong", [np.zeros((1, DIM), np.float32), np.full((1, DIM), np.nan, np.float32)])
def test_wrong_rows_are_named_and_change_nothing(wrong: Vector) -> None:
    gate = Gate()
    with pytest.raises(UsageError, match="row 1 must be finite and of unit norm"):
        gate.offer(np.concatenate([turned(0), wrong]))
    assert gate.seen == 0
