from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.selection import quality
from streamsel.selection.quality import Pairwise, covering, pairwise

coordinates = st.floats(-4, 4, width=32) | st.sampled_from([0.0, -0.0, 1.0, 1e-20, 1.0000001])
tables = hnp.arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=coordinates)
seeds = st.integers(0, 10**6)


def unit_rows(count: int, dim: int, seed: int = 0) -> Vector:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def all_distances(rows: Vector, others: Vector) -> npt.NDArray[np.float64]:
    gaps = rows[:, None].astype(np.float64) - others[None]
    distances: npt.NDArray[np.float64] = np.sqrt((gaps * gaps).sum(-1))
    return distances


def by_definition(rows: Vector) -> Pairwise:
    distances = all_distances(rows, rows)[np.triu_indices(len(rows), 1)]
    p10, p90 = np.percentile(distances, [10, 90])
    return Pairwise(distances.mean(), distances.min(), distances.max(), p10, p90)


def close(left: Pairwise, right: Pairwise, tolerance: float = 1e-9) -> bool:
    pairs = [(getattr(left, name), getattr(right, name)) for name in ("mean", "min", "max", "p10", "p90")]
    return all(math.isclose(a, b, rel_tol=1e-7, abs_tol=tolerance) for a, b in pairs)


@given(tables.filter(lambda rows: len(rows) > 1))
def test_figures_are_those_of_the_definition(rows: Vector) -> None:
    assert close(pairwise(rows), by_definition(rows))


@pytest.mark.parametrize("count", [2, 3, 11, 300])
def test_unit_rows_of_many_dimensions_agree_to_the_last_digits(count: int) -> None:
    rows = unit_rows(count, 200)
    assert close(pairwise(rows), by_definition(rows), 1e-14)


@given(tables, st.data())
def test_a_weight_stands_for_that_many_rows(rows: Vector, data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(1, 6), min_size=len(rows), max_size=len(rows)))
    longer = np.repeat(rows, weights, axis=0)
    if len(longer) > 1:
        assert close(pairwise(rows, weights), pairwise(longer))
        assert close(pairwise(rows, weights), by_definition(longer))


@given(tables, tables, st.data())
def test_a_weight_stands_for_that_many_rows_to_cover(rows: Vector, picks: Vector, data: st.DataObject) -> None:
    dim = min(rows.shape[1], picks.shape[1])
    rows, picks = rows[:, :dim], picks[:, :dim]
    weights = data.draw(st.lists(st.integers(1, 6), min_size=len(rows), max_size=len(rows)))
    few, many = covering(rows, picks, weights), covering(np.repeat(rows, weights, axis=0), picks)
    nearest = all_distances(rows, picks).min(axis=1)
    assert few.radius == pytest.approx(many.radius, rel=1e-7, abs=1e-12)
    assert few.radius == pytest.approx(nearest.max(), rel=1e-7, abs=1e-12)
    assert few.mean == pytest.approx(many.mean, rel=1e-7, abs=1e-12)
    assert few.mean == pytest.approx(np.average(nearest, weights=weights), rel=1e-7, abs=1e-12)


@given(tables.filter(lambda rows: len(rows) > 1), seeds)
def test_the_order_of_rows_does_not_matter(rows: Vector, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(rows)
    assert close(pairwise(rows), pairwise(shuffled), 1e-12)
    assert covering(shuffled, rows[:1]).radius == pytest.approx(covering(rows, rows[:1]).radius, rel=1e-7, abs=1e-12)


@given(seeds)
@settings(max_examples=20)
def test_identical_rows_are_exactly_zero_apart(seed: int) -> None:
    rows = np.repeat(unit_rows(40, 1280, seed), 2, axis=0)
    assert pairwise(rows).min == 0.0
    assert covering(rows, rows[::2]) == quality.Covering(0.0, 0.0)
    same = np.repeat(rows[:1], 50, axis=0)
    assert pairwise(same) == Pairwise(0.0, 0.0, 0.0, 0.0, 0.0)


def test_rows_that_hardly_differ_keep_their_digits() -> None:
    first = unit_rows(1, 1280)
    second = first.copy()
    second[0, 7] = np.nextafter(second[0, 7], np.float32(2))
    exact = abs(float(second[0, 7]) - float(first[0, 7]))
    assert pairwise(np.vstack([first, second])).min == exact
    assert covering(second, first).radius == exact


def test_every_pick_more_covers_no_worse() -> None:
    rows = unit_rows(200, 16)
    figures = [covering(rows, rows[:count]) for count in (1, 2, 10, 100, 200)]
    assert [figure.radius for figure in figures] == sorted((figure.radius for figure in figures), reverse=True)
    assert [figure.mean for figure in figures] == sorted((figure.mean for figure in figures), reverse=True)
    assert figures[-1] == quality.Covering(0.0, 0.0)


def test_tiles_kept_computed_anew_or_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, weights = unit_rows(150, 32), np.arange(1, 151)
    whole, covered = pairwise(rows, weights), covering(rows, rows[:40], weights)
    monkeypatch.setattr(quality, "KEPT_ROWS", 0)
    monkeypatch.setattr(quality, "TILE", 7)
    assert close(pairwise(rows, weights), whole, 1e-14)
    assert covering(rows, rows[:40], weights).radius == pytest.approx(covered.radius, rel=1e-14)


def test_too_many_rows_are_sampled_by_a_seed_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = unit_rows(900, 64)
    exact = pairwise(rows)
    monkeypatch.setattr(quality, "EXACT_ROWS", 300)
    sampled = pairwise(rows)
    assert (exact.sampled, sampled.sampled) == (False, True)
    assert sampled == pairwise(rows) != pairwise(rows, seed=1)
    for name in ("mean", "p10", "p90"):
        assert getattr(sampled, name) == pytest.approx(getattr(exact, name), abs=0.01)
    assert not pairwise(np.repeat(rows[:200], 2, axis=0)).sampled  # copies are no further rows


def test_great_weights_do_not_overflow() -> None:
    figures = pairwise(np.eye(2, dtype=np.float32), [10**8, 1])
    assert figures.mean == pytest.approx(math.sqrt(2) * 2 / (10**8 + 1))
    assert (figures.min, figures.max, figures.p90) == (0.0, math.sqrt(2), 0.0)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_rows_have_no_pairs(count: int) -> None:
    figures = pairwise(np.ones((count, 3), np.float32))
    assert all(math.isnan(value) for value in (figures.mean, figures.min, figures.max, figures.p10, figures.p90))


def test_inputs_are_not_modified() -> None:
    rows, weights = unit_rows(20, 4), np.arange(1, 21)
    before = rows.copy(), weights.copy()
    pairwise(rows, weights)
    covering(rows, rows[:2], weights)
    assert np.array_equal(rows, before[0])
    assert np.array_equal(weights, before[1])


def test_bad_input_names_the_row() -> None:
    rows = unit_rows(4, 3)
    broken = rows.copy()
    broken[2, 1] = np.nan
    with pytest.raises(UsageError, match="row 2"):
        pairwise(broken)
    with pytest.raises(UsageError, match="weight 1 must be 1 or more, got 0"):
        pairwise(rows, [1, 0, 1, 1])
    with pytest.raises(UsageError, match="weights must be 4 integers"):
        pairwise(rows, [1, 1])
    with pytest.raises(UsageError, match="weights must be 4 integers"):
        covering(rows, rows, np.ones(4))
    with pytest.raises(UsageError, match=r"rows must have shape"):
        pairwise(rows[0])
    with pytest.raises(UsageError, match=r"picks must have 3 columns as the rows, got 2"):
        covering(rows, rows[:, :2])
    with pytest.raises(UsageError, match="covering needs rows and picks, got 4 and 0"):
        covering(rows, rows[:0])
