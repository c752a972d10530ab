"""Hard constraints of a stream: what they promise, one row at a time, across a restart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection.columns import Batch, Counts, Labels, Numbers
from streamsel.selection.stream.constraints import AtMost, Exclude, Include, MinimumGap, refuse_at_least

MAKERS: dict[str, Callable[[], Any]] = {
    "at most": lambda: AtMost("weather", 2),
    "at most of some": lambda: AtMost("weather", 1, classes=["rain", 1]),
    "at most of counts": lambda: AtMost("objects", 2),
    "gap": lambda: MinimumGap(3),
    "include": lambda: Include(["n1", "n4"]),
    "exclude": lambda: Exclude(["n0", "n2"]),
}


def column(values: list) -> Labels:
    made = np.empty(len(values), object)
    made[:] = values
    return Labels(made)


def batch(rows: list[tuple]) -> Batch:
    counts = np.array([[row[2] % 2, row[2] % 3] for row in rows], np.float64).reshape(-1, 2)
    return Batch(
        {
            "NAME": column([f"n{place}" for place in range(len(rows))]),
            "SOURCE": column([row[1] for row in rows]),
            "TIME": Numbers(np.array([row[2] for row in rows], np.float64)),
            "weather": column([row[0] for row in rows]),
            "objects": Counts(counts, ("car", "bus")),
        },
        len(rows),
    )


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["rain", "sun", 1, True, 2.5, None]),
        st.sampled_from(["north", "south", None]),
        st.integers(0, 30),
    ),
    max_size=25,
)


def kept(constraint: Any, rows: Batch, places: range) -> list[int]:
    taken = []
    for row in places:
        if constraint.must(rows, row) or constraint.allows(rows, row):
            constraint.add(rows, row)
            taken.append(row)
    return taken


@given(ROWS, st.integers(0, 25), st.sampled_from(sorted(MAKERS)))
def test_a_restart_and_the_batch_change_nothing(rows, cut, name):
    table, cut = batch(rows), min(cut, len(rows))
    whole = kept(MAKERS[name](), table, range(len(rows)))
    first = MAKERS[name]()
    before = kept(first, table, range(cut))
    saved = {key: array.copy() for key, array in first.state().items()}
    again = MAKERS[name]()
    again.restore(saved)
    rest = table.take(np.arange(cut, len(rows)))
    assert before + [cut + row for row in kept(again, rest, range(len(rest)))] == whole
    assert all(array.dtype != object for array in saved.values())


@given(ROWS, st.sampled_from(sorted(MAKERS)))
def test_asking_changes_nothing(rows, name):
    table, constraint = batch(rows), MAKERS[name]()
    for row in range(len(rows)):
        answers = [(constraint.must(table, row), constraint.allows(table, row)) for _ in range(2)]
        assert answers[0] == answers[1]
        constraint.add(table, row)


@given(ROWS, st.integers(0, 3))
def test_no_group_has_more_than_its_share(rows, count):
    table = batch(rows)
    taken = kept(AtMost("weather", count), table, range(len(rows)))
    groups = [(type(rows[row][0]), rows[row][0]) for row in taken if rows[row][0] is not None]
    assert all(groups.count(group) <= count for group in groups)
    full = {group for group in groups if groups.count(group) == count}
    dropped = [rows[row][0] for row in range(len(rows)) if row not in taken]
    assert all(count == 0 or (type(group), group) in full for group in dropped)


@given(ROWS, st.integers(1, 9))
def test_kept_rows_of_a_source_are_the_gap_apart(rows, seconds):
    taken = kept(MinimumGap(seconds), batch(rows), range(len(rows)))
    for source in ("north", "south", None):
        times = sorted(rows[row][2] for row in taken if rows[row][1] == source)
        assert all(later - earlier >= seconds for earlier, later in pairwise(times))


def test_names_must_be_kept_or_must_not():
    table = batch([("sun", "north", 1)] * 5)
    include, exclude = MAKERS["include"](), MAKERS["exclude"]()
    assert [include.must(table, row) for row in range(5)] == [False, True, False, False, True]
    assert [exclude.allows(table, row) for row in range(5)] == [False, True, False, True, True]
    assert (include.name, exclude.name) == ("INCLUDE", "EXCLUDE")
    short = Include(["x1.jpg"], key=lambda name: name.strip("nx").partition(".")[0])
    assert [short.must(table, row) for row in range(3)] == [False, True, False]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (refuse_at_least, "AT_LEAST cannot be promised of a stream"),
        (lambda: AtMost("weather", -1), "the count must be 0 or more, got -1"),
        (lambda: MinimumGap(0), "above 0, got 0"),
        (lambda: AtMost("wind", 1).allows(batch([("sun", "north", 1)]), 0), "'wind'.*no such column"),
        (lambda: MinimumGap(1, times="weather").allows(batch([("sun", "north", 1)]), 0), "Labels there"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(UsageError, match=said):
        call()
