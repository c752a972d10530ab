"""Hard constraints of the budget: what they promise holds whatever the rows are worth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection.budget.constraints import AtLeast, AtMost, Include, MinimumGap
from streamsel.selection.budget.greedy import Goal, choose
from streamsel.selection.budget.minimum_distance import MinimumDistance
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.budget.sums import Sum
from streamsel.selection.budget.together import Together
from streamsel.selection.columns import Counts, Labels, Numbers, Vectors


def labels(*values: object) -> Labels:
    made = np.empty(len(values), object)
    made[:] = values
    return Labels(made)


def picked(constraints: list, worth: list[float], n: int, *, apart: bool = False) -> tuple[int, ...]:
    """Rows by falling worth, as far as the constraints let them; apart: the constraints are not put together."""
    goals = [Goal(Sum("WEIGHTS", np.array(worth, np.float64)))]
    hard = constraints if apart else [Together(constraints, len(worth))]
    return choose(goals, n, open_rows=np.ones(len(worth), bool), constraints=hard).order


ROWS = st.lists(st.tuples(st.sampled_from("abc") | st.none(), st.integers(0, 9), st.integers(0, 20)), max_size=25)


@given(ROWS, st.integers(0, 4), st.integers(0, 30), st.booleans())
def test_at_most_takes_the_best_of_each_group(rows, count, n, apart):
    groups, worth = [row[0] for row in rows], [float(row[1]) for row in rows]
    order = picked([AtMost(labels(*groups), count)], worth, n, apart=apart)
    expected, full = [], dict.fromkeys("abc", 0)
    for row in sorted(range(len(rows)), key=lambda row: (-worth[row], row)):
        group = groups[row]
        if len(expected) < n and (group is None or full[group] < count):
            expected.append(row)
            full |= {} if group is None else {group: full[group] + 1}
    assert list(order) == expected


@given(ROWS, st.integers(0, 4), st.integers(0, 30), st.booleans())
def test_at_least_is_reached_where_it_can_be_and_costs_no_more_than_it_must(rows, count, n, apart):
    groups, worth = [row[0] for row in rows], [float(row[1]) for row in rows]
    quota = AtLeast(labels(*groups), count)
    order = picked([quota], worth, n, apart=apart)
    assert len(order) == min(n, len(rows))
    present = {group: groups.count(group) for group in groups if group is not None}
    needed = {group: min(count, size) for group, size in present.items()}
    reached = {group: sum(groups[row] == group for row in order) for group in present}
    if n >= sum(needed.values()):
        assert all(reached[group] >= needed[group] for group in present)
    assert dict(quota.unmet()) == {g: count - reached[g] for g in present if reached[g] < count}
    free = sorted(range(len(rows)), key=lambda row: (-worth[row], row))[:n]
    if all(sum(groups[row] == group for row in free) >= need for group, need in needed.items()):
        assert sum(worth[row] for row in order) == sum(worth[row] for row in free)


@given(ROWS, st.integers(1, 8), st.integers(0, 30))
def test_a_minimum_gap_holds_within_each_source(rows, seconds, n):
    sources, worth = labels(*(row[0] for row in rows)), [float(row[1]) for row in rows]
    times = Numbers(np.array([row[2] for row in rows], np.float64))
    order = picked([MinimumGap(sources, times, seconds)], worth, n)
    for source in {row[0] for row in rows}:
        taken = sorted(rows[row][2] for row in order if rows[row][0] == source)
        assert all(later - earlier >= seconds for earlier, later in pairwise(taken))
    if len(order) < n:
        left = set(range(len(rows))) - set(order)
        assert all(
            any(rows[r][0] == rows[o][0] and abs(rows[r][2] - rows[o][2]) < seconds for o in order) for r in left
        )


def test_a_gap_that_rounding_made_shorter_is_no_shorter():
    times = Numbers(np.array([2.1, 4.1, 4.0]))
    assert 4.1 - 2.1 < 2
    assert picked([MinimumGap(labels("a", "a", "a"), times, 2)], [3, 2, 1], 3) == (0, 1)


@given(ROWS, st.data())
def test_what_is_included_comes_first_in_the_order_given(rows, data):
    worth = [float(row[1]) for row in rows]
    wanted = data.draw(st.lists(st.sampled_from(range(len(rows))), unique=True) if rows else st.just([]))
    n = data.draw(st.integers(len(wanted), 30))
    for apart in (False, True):
        order = picked([Include(wanted, len(rows))], worth, n, apart=apart)
        assert list(order[: len(wanted)]) == wanted
        rest = [row for row in range(len(rows)) if row not in wanted]
        assert list(order[len(wanted) :]) == sorted(rest, key=lambda row: (-worth[row], row))[: n - len(wanted)]


@given(ROWS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 8), st.integers(0, 12), st.data())
def test_together_they_all_hold_and_the_run_goes_on(rows, most, least, seconds, n, data):
    worth, count = [float(row[1]) for row in rows], len(rows)
    groups, sources = labels(*(row[0] for row in rows)), labels(*(row[1] % 2 for row in rows))
    times = Numbers(np.array([row[2] for row in rows], np.float64))
    wanted = data.draw(st.lists(st.sampled_from(range(count)), unique=True, max_size=3) if rows else st.just([]))
    quota, other = AtLeast(groups, least), AtLeast(sources, least)
    hard = [AtMost(groups, most), quota, other, MinimumGap(sources, times, seconds + 0.5), Include(wanted, count)]
    order = picked(hard, worth, n)
    assert list(order[: len(wanted)]) == wanted[:n]
    chosen = [row for row in order if row not in wanted]
    for group in "abc":
        inside = [row for row in chosen if rows[row][0] == group]
        assert not inside or sum(rows[row][0] == group for row in order) <= most
    open_rows = [
        row
        for row in range(count)
        if row not in order
        and not (rows[row][0] and sum(rows[o][0] == rows[row][0] for o in order) >= most)
        and all(abs(rows[row][2] - rows[o][2]) >= seconds + 0.5 for o in order if rows[o][1] % 2 == rows[row][1] % 2)
    ]
    assert len(order) == n or not open_rows, "the run ended though a row was left that every constraint allows"


def test_two_that_need_a_pick_each_do_not_count_on_the_same_slot():
    weather, camera = labels("sun", "sun", "sun", "rain", "sun"), labels(1, 1, 1, 1, 2)
    worth = [9, 8, 7, 2, 1]
    made = [AtLeast(weather, 1, classes=["rain"]), AtLeast(camera, 1, classes=[2])]
    assert picked(made, worth, 3) == (0, 3, 4)


def test_one_row_that_serves_two_saves_a_slot():
    weather, camera = labels("sun", "sun", "rain", "rain"), labels(1, 1, 1, 2)
    made = [AtLeast(weather, 1, classes=["rain"]), AtLeast(camera, 1, classes=[2])]
    assert picked(made, [9, 8, 2, 3], 3) == (0, 3, 1)


def test_a_group_that_another_constraint_shuts_gets_no_slot_and_is_told():
    near = Nearest(Vectors(np.array([[1, 0], [1, 0.01], [0, 1], [-1, 0]], np.float32)))
    quota = AtLeast(labels("a", "b", "a", "a"), 1)
    both = Together([MinimumDistance(near, 0.5), quota], 4)
    goals = [Goal(Sum("WEIGHTS", np.array([4.0, 1, 3, 2])))]
    choice = choose(goals, 3, open_rows=np.ones(4, bool), constraints=[both])
    assert choice.order == (0, 2, 3)
    assert both.unmet() == {"AT_LEAST": {"b": 1}}


@pytest.mark.parametrize(("make", "expected"), [(AtMost, (2,)), (AtLeast, (1, 2))])
@pytest.mark.parametrize("apart", [False, True])
def test_earlier_picks_count(make, expected, apart):
    quota = make(labels("a", "a", "b", "b"), 1)
    hard = quota if apart else Together([quota], 4)
    hard.add(0)
    goal = Goal(Sum("WEIGHTS", np.array([0.0, 9, 2, 1])))
    open_rows = np.array([False, True, True, True])
    assert choose([goal], 2, open_rows=open_rows, constraints=[hard]).order == expected


def test_a_row_of_several_classes_counts_in_each():
    counts = Counts(np.array([[3.0, 1], [2, 0], [0, 5], [0, 0]]), ("car", "bus"))
    assert picked([AtMost(counts, 1)], [9, 8, 7, 1], 4) == (0, 3)
    assert picked([AtMost(counts, 1, classes=["bus"])], [9, 8, 7, 1], 4) == (0, 1, 3)
    assert picked([AtLeast(counts, 1)], [1, 8, 2, 9], 3) == (3, 1, 2)
    assert picked([AtLeast(counts, 1)], [10, 8, 2, 9], 2) == (0, 3)


def test_what_does_not_occur_is_told_before_and_after():
    quota = AtLeast(labels("a", None, True), 2, classes=["a", "tram", 1])
    assert quota.impossible() == {"a": 1, "tram": 2, 1: 2}
    assert picked([quota], [1, 2, 3], 3) == (2, 1, 0)
    assert quota.unmet() == {"a": 1, "tram": 2, 1: 2}


def test_what_hinders_is_named():
    hard = Together([AtMost(labels("a", "a"), 1), MinimumGap(labels(1, 2), Numbers(np.zeros(2)), 1)], 2)
    choice = choose([Goal(Sum("W", np.ones(2)))], 2, open_rows=np.ones(2, bool), constraints=[hard])
    assert choice.ended == "no row is left that AT_MOST, MIN_GAP allows"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: AtMost(labels("a"), -1), "AT_MOST: the count must be 0 or more, got -1"),
        (lambda: AtLeast(labels("a"), -1), "AT_LEAST: the count must be 0 or more, got -1"),
        (lambda: MinimumGap(labels("a"), Numbers(np.ones(1)), 0), "above 0, got 0"),
        (lambda: Include([0, 3], 3), "INCLUDE: row 3 is not one of the 3 rows"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(UsageError, match=said):
        make()
