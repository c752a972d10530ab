"""WEIGHTS and BALANCE: what their objectives are, and what is done where the formula says nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamsel.errors import UsageError
from streamsel.selection.budget.balance import OTHER, Balance, target_shares
from streamsel.selection.budget.greedy import Goal, choose
from streamsel.selection.budget.sums import Sum
from streamsel.selection.columns import Counts


def chosen(goal: Sum | Balance, rows: int, n: int | None = None):
    return choose([Goal(goal)], rows if n is None else n, open_rows=np.ones(rows, bool))


def counts(*rows: tuple[float, ...], classes: str = "abc") -> Counts:
    return Counts(np.array(rows, np.float64), tuple(classes[: len(rows[0])]))


def test_the_sum_that_is_reached_ends_the_run() -> None:
    choice = chosen(Sum("WEIGHTS key", np.array([1.0, 4.0, 3.0, 2.0]), max_sum=7), 4)
    assert choice.order == (1, 2)
    assert choice.ended == "WEIGHTS key: the sum 7 has reached stopping_condition_max_sum 7"
    assert chosen(Sum("W", np.ones(4), max_sum=0), 4).order == ()
    assert chosen(Sum("W", np.ones(4), max_sum=9), 4, 5).ended == "no row is left"


def test_a_target_range_is_hit_where_it_can_be() -> None:
    weights = np.random.default_rng(0).random(400)
    for least, greatest in [(20.0, 23.0), (6.0, 11.0), (44.0, 46.0)]:
        order = chosen(Sum("W", weights, target_range=(least, greatest)), 400, 50).order
        assert least <= weights[list(order)].sum() <= greatest
    goal = Sum("W", np.array([5.0, 10.0, 20.0, 0.0, -1.0]), target_range=(8, 12))
    assert goal.values().tolist() == [0.5, 1.0, 0.5, 0.0, -0.1]
    assert chosen(goal, 5).order == (1, 3, 4, 0, 2)


def test_sums_are_those_of_the_picks() -> None:
    goal = Sum("W", np.array([1.0, -2.0, 5.0]))
    assert (goal.now(), goal.values().tolist()) == (0, [1, -2, 5])
    goal.add(2)
    assert (goal.now(), goal.values().tolist()) == (5, [6, 3, 10])
    assert goal.ends(0) == ""


def test_balance_is_one_over_the_cross_entropy() -> None:
    goal = Balance("B", counts((1, 0), (0, 2), (0, 0)), np.array([0.25, 0.75]))
    assert goal.now() == 0
    goal.add(0)
    goal.add(1)
    assert goal.now() == pytest.approx(-1 / (0.25 * math.log(1 / 3) + 0.75 * math.log(2 / 3)))
    assert goal.values()[2] == pytest.approx(goal.now())
    assert goal.values()[1] == pytest.approx(-1 / (0.25 * math.log(1 / 5) + 0.75 * math.log(4 / 5)))


def test_rows_without_an_object_come_last_at_first() -> None:
    """Their shares are 0, held at 1e-10."""
    goal = Balance("B", counts((0, 0), (1, 1), (0, 0)), np.array([0.5, 0.5]))
    assert goal.values()[0] == pytest.approx(-1 / math.log(1e-10))
    assert chosen(goal, 3).order == (1, 0, 2)


def test_a_share_of_one_and_a_class_that_does_not_occur() -> None:
    rows = counts((0, 1), (1, 0), (1, 0), (3, 0), (1, 1))
    assert chosen(Balance("B", rows, np.array([1.0, 0.0])), 5).order == (1, 2, 3, 4, 0)
    assert Balance("B", rows, np.array([1.0, 0.0])).values()[1] == 1e6
    table, target = target_shares("TARGET", {"tram": 0.5, "a": 0.25}, rows)
    assert table.classes == ("tram", "a", OTHER)
    assert target.tolist() == [0.5, 0.25, 0.25]
    assert not table.values[:, 0].any()
    order = chosen(Balance("B", table, target), 5).order
    assert sorted(order) == list(range(5))
    assert order[0] == 4


def test_rows_of_one_kind_tie_to_the_lowest() -> None:
    kinds = np.eye(3)[np.random.default_rng(0).integers(0, 3, 300)]
    order = chosen(Balance("B", Counts(kinds, ("a", "b", "c")), np.full(3, 1 / 3)), 300, 30).order
    picked = kinds[list(order)].argmax(axis=1)
    assert np.bincount(picked).tolist() == [10, 10, 10]
    for kind in range(3):
        mine = [row for row in order if kinds[row, kind]]
        assert mine == np.flatnonzero(kinds[:, kind])[:10].tolist()


def test_targets() -> None:
    rows = counts((1, 0, 0), (2, 1, 0))
    assert target_shares("UNIFORM", None, rows)[1].tolist() == [0.5, 0.5, 0]
    assert target_shares("INPUT", None, rows)[1].tolist() == [0.75, 0.25, 0]
    table, target = target_shares("TARGET", {"b": 0.1}, rows)
    assert table.classes == ("b", OTHER)
    assert table.values.tolist() == [[0, 1], [1, 2]]
    assert target.tolist() == pytest.approx([0.1, 0.9])
    whole, shares = target_shares("TARGET", {"c": 0.2, "a": 0.3, "b": 0.5}, rows)
    assert (whole.classes, shares.tolist()) == (("c", "a", "b"), [0.2, 0.3, 0.5])


@pytest.mark.parametrize("shares", [{}, None, {"a": 0.7, "b": 0.4}, {"a": -0.1}, {"a": float("nan")}])
def test_targets_that_cannot_be_are_refused(shares: dict[str, float] | None) -> None:
    with pytest.raises(UsageError, match="BALANCE target"):
        target_shares("TARGET", shares, counts((1, 0)))


@pytest.mark.parametrize("distribution", ["UNIFORM", "INPUT"])
def test_nothing_to_balance_is_refused(distribution: str) -> None:
    with pytest.raises(UsageError, match="all counts are 0"):
        target_shares(distribution, None, counts((0, 0)))


def test_parameters_that_mean_nothing_are_refused() -> None:
    for most in (-1.0, float("nan")):
        with pytest.raises(UsageError, match="max_sum must be 0"):
            Sum("W", np.ones(2), most)
    for wanted in ((2, 1), (-1, 1), (0, 0), (0, float("inf"))):
        with pytest.raises(UsageError, match="target_range must be 0"):
            Sum("W", np.ones(2), target_range=wanted)
    for target in ([0.5], [0.5, -0.5], [0.5, float("nan")]):
        with pytest.raises(UsageError, match="target must be 2"):
            Balance("B", counts((1, 0)), np.array(target))
