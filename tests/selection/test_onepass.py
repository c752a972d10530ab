"""Decisions are those of brute force, however the rows come; both goals keep what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamsel.data import Decision, Vector
from streamsel.errors import UsageError
from streamsel.selection.quality import covering, pairwise
from streamsel.selection.rows import pair_distance
from streamsel.selection.stream.onepass import OnePass
from streamsel.selection.stream.rate import SETTLED, band
from streamsel.testing import check_selector
from streamsel.testing.strategies import varied_rows
from streamsel.testing.streams import held_back, scene_stream

numbers = st.floats(-4, 4, width=32) | st.sampled_from([0.0, 1.0])
tables = hnp.arrays(np.float32, st.tuples(st.integers(2, 40), st.integers(1, 4)), elements=numbers)
distances = st.sampled_from([1e-6, 0.5, 1.0, 3.0])
ratios = st.sampled_from([0.01, 0.2, 0.7])


@pytest.fixture(scope="module")
def film() -> Vector:
    return scene_stream(8_000, 24)


def keeps_far(rows: Vector, min_distance: float) -> list[bool]:
    """The definition."""
    kept: list[bool] = []
    for row in rows:
        picks = rows[: len(kept)][np.array(kept, bool)]
        kept.append(all(pair_distance(picks, row[None]) >= min_distance))
    return kept


def picked(decisions: Sequence[Decision]) -> list[int]:
    return [i for i, decision in enumerate(decisions) if decision]


def worst_excess(picks: Sequence[int], frames: int, ratio: float) -> float:
    """How far the picks are off, in bands, at the worst of all frames from SETTLED on."""
    kept = np.searchsorted(np.asarray(picks), np.arange(SETTLED, frames + 1))
    off = [abs(kept[t - SETTLED] - ratio * t) / band(ratio, t) for t in range(SETTLED, frames + 1)]
    return max(off)


@given(tables, distances, st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_the_laws_of_a_selector_hold_with_a_distance(rows: Vector, distance: float, seed: int) -> None:
    check_selector(lambda: OnePass(rows.shape[1], min_distance=distance), rows, seed=seed)


@given(tables, ratios, st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_the_laws_of_a_selector_hold_with_a_ratio(rows: Vector, ratio: float, seed: int) -> None:
    check_selector(lambda: OnePass(rows.shape[1], target_ratio=ratio), rows, seed=seed)


@pytest.mark.parametrize("goal", [{"min_distance": 0.4}, {"target_ratio": 0.05}, {"target_ratio": 0.5}])
def test_the_laws_of_a_selector_hold_over_many_blocks(goal: dict[str, float]) -> None:
    rows = np.concatenate([varied_rows(500, 48), scene_stream(1200, 48)])
    check_selector(lambda: OnePass(48, **goal), rows)


@given(tables, distances)
@settings(deadline=None)
def test_what_is_kept_at_a_distance_is_that_of_brute_force(rows: Vector, distance: float) -> None:
    decisions = OnePass(rows.shape[1], min_distance=distance).offer(rows)
    assert [decision.keep for decision in decisions] == keeps_far(rows, distance)


@pytest.mark.parametrize("distance", [0.2, 0.6, 1.1])
def test_picks_are_a_distance_apart_and_every_row_is_nearer_to_one(film: Vector, distance: float) -> None:
    picks = picked(OnePass(24, min_distance=distance).offer(film))
    assert pairwise(film[picks]).min >= distance * (1 - 1e-7)
    assert covering(film, film[picks]).radius < distance


def test_a_row_exactly_at_the_distance_is_kept() -> None:
    rows = np.array([[0, 0], [3, 4], [3, 4], [0, 4.9999]], np.float32)
    decisions = OnePass(2, min_distance=5).offer(rows)
    assert [decision.reason for decision in decisions] == ["first", "distance", "near", "near"]
    assert decisions[1] == Decision(True, "distance", 5.0, 0, {"DIVERSITY": 25.0})
    assert (decisions[2].distance, decisions[2].nearest) == (0.0, 1)


@pytest.mark.parametrize("ratio", [0.001, 0.01, 0.05, 0.2, 0.5])
def test_a_ratio_is_kept_all_along_a_film(film: Vector, ratio: float) -> None:
    decisions = OnePass(24, target_ratio=ratio).offer(film)
    assert {decision.reason for decision in decisions} == {"first", "ratio"}
    assert worst_excess(picked(decisions), len(film), ratio) <= 1 + 1e-9


@pytest.mark.parametrize("ratio", [0.01, 0.05, 0.2])
def test_a_ratio_is_kept_where_a_scout_holds_rows_back(film: Vector, ratio: float) -> None:
    passed, looked = held_back(film, ratio)
    assert len(passed) < 0.8 * len(film)
    selector = OnePass(24, target_ratio=ratio)
    picks = [passed[i] for i in picked(selector.offer(film[passed], looked))]
    selector.skip(len(film) - selector.looked)
    assert selector.looked == len(film)
    assert worst_excess(picks, len(film), ratio) <= 1 + 1e-9


@pytest.mark.parametrize(("ratio", "share"), [(0.01, 1.0), (0.05, 0.9), (0.2, 0.6)])
def test_a_ratio_covers_a_film_better_than_uniform_sampling(film: Vector, ratio: float, share: float) -> None:
    picks = picked(OnePass(24, target_ratio=ratio).offer(film))
    uniform = np.arange(len(picks)) * len(film) // len(picks)
    assert covering(film, film[picks]).radius < share * covering(film, film[uniform]).radius


def test_a_picture_that_stands_still_gives_its_share() -> None:
    rows = np.repeat(varied_rows(1, 8), 5000, 0)
    decisions = OnePass(8, target_ratio=0.05).offer(rows)
    assert worst_excess(picked(decisions), 5000, 0.05) <= 1 + 1e-9


@given(tables, ratios, st.integers(-20, 20))
@settings(deadline=None, max_examples=40)
def test_a_ratio_is_kept_alike_at_any_scale(rows: Vector, ratio: float, power: int) -> None:
    as_it_is, scaled = OnePass(rows.shape[1], target_ratio=ratio), OnePass(rows.shape[1], target_ratio=ratio)
    rows = rows.round(3) + np.float32(5)
    scale = np.float32(2.0**power)
    assert picked(as_it_is.offer(rows)) == picked(scaled.offer(rows * scale))


@pytest.mark.parametrize("goal", [{"min_distance": 0.5}, {"target_ratio": 0.1}])
def test_a_peek_tells_the_next_decision_and_changes_nothing(film: Vector, goal: dict[str, float]) -> None:
    selector = OnePass(24, **goal)
    for row in film[:600]:
        before = {name: array.tobytes() for name, array in selector.state().items()}
        (told,) = selector.peek(row[None])
        assert {name: array.tobytes() for name, array in selector.state().items()} == before
        assert selector.offer(row[None]) == [told]
    later = film[600:700]
    assert selector.peek(later) == [selector.peek(row[None])[0] for row in later]


def test_what_must_be_in_is_taken_in() -> None:
    rows = np.eye(4, dtype=np.float32)
    selector = OnePass(4, min_distance=1.0)
    assert [selector.add(rows[0]), selector.add(rows[0]), selector.add(rows[1], looked=0)] == [0, 1, 2]
    assert (len(selector), selector.looked) == (3, 2)
    assert [bool(decision) for decision in selector.offer(rows)] == [False, False, True, True]


def test_what_must_be_in_counts_for_a_ratio(film: Vector) -> None:
    selector = OnePass(24, target_ratio=0.05)
    selector.offer(film[:2000])
    for row in film[2000:2020]:
        selector.add(row)
    picks = len(selector)
    assert picked(selector.offer(film[2020:2060])) == []
    assert len(selector) == picks


def test_nothing_is_left_for_the_end(film: Vector) -> None:
    selector = OnePass(24, min_distance=0.5)
    selector.offer(film[:100])
    assert selector.finish(10) == ([], [])


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ({}, "either min_distance or target_ratio"),
        ({"min_distance": 0}, "min_distance must be above 0 and finite, got 0"),
        ({"min_distance": float("nan")}, "min_distance must be above 0"),
        ({"min_distance": float("inf")}, "min_distance must be above 0 and finite"),
        ({"target_ratio": 2}, "target_ratio must be above 0 and at most 1"),
    ],
)
def test_a_goal_that_cannot_be_is_refused(goal: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        OnePass(4, **goal)


@pytest.mark.parametrize("looked", [[1], [1, -1], [1, 1, 1]])
def test_a_wrong_count_of_frames_is_refused(looked: list[int]) -> None:
    with pytest.raises(UsageError, match="looked must hold 2 numbers of frames"):
        OnePass(2, min_distance=1.0).offer(np.eye(2, dtype=np.float32), looked)
