from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Value
from streamsel.errors import UsageError
from streamsel.signals.combine import Kind, combine

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.integers(-1000, 1000), min_size=1)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_nothing_known_stays_unknown(kind: Kind) -> None:
    assert combine([], kind) is None
    assert combine([None, None], kind) is None


@given(NUMBERS)
def test_numbers_have_a_mean(values: list[float]) -> None:
    mean = combine(values, "number")
    assert isinstance(mean, float)
    assert min(values) - 1e-6 <= mean <= max(values) + 1e-6


@given(NUMBERS)
def test_unknown_frames_do_not_count(values: list[float]) -> None:
    assert combine([None, *values, None], "number") == combine(values, "number")
    assert combine([None, *values, None], "counts") == combine(values, "counts")


def test_counts_add_up() -> None:
    assert combine([2, None, 3], "counts") == 5
    assert combine([{"car": 1.5}, {}, {"dog": 1.0, "car": 0.5}], "counts") == {"car": 2.0, "dog": 1.0}


def test_the_most_frequent_label_wins_and_the_earliest_among_equals() -> None:
    assert combine(["rain", "sun", "sun", None], "label") == "sun"
    assert combine([None, "rain", "sun", "sun", "rain"], "label") == "rain"
    assert combine([True, 1, 1], "label") == 1


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["rain", "sun"], "number"),
        ([True, 1.0], "number"),
        (["rain"], "counts"),
        ([{"car": 1.0}, 2], "counts"),
        ([{"car": 1.0}], "label"),
        ([{"car": 1.0}], "number"),
    ],
)
def test_other_kinds_are_refused(values: list[Value], kind: Kind) -> None:
    with pytest.raises(UsageError, match="cannot be combined as"):
        combine(values, kind)
