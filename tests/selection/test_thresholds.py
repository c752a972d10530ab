"""THRESHOLD: every operation over numbers and labels, and what it refuses."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection.columns import Labels, Numbers
from streamsel.selection.thresholds import passes

PLAIN = {
    "SMALLER": operator.lt,
    "SMALLER_EQUAL": operator.le,
    "BIGGER": operator.gt,
    "BIGGER_EQUAL": operator.ge,
    "EQUAL": operator.eq,
    "NOT_EQUAL": operator.ne,
}
NUMBERS = st.integers(-3, 3) | st.floats(-3, 3)


def labels(*values: object) -> Labels:
    made = np.empty(len(values), object)
    made[:] = values
    return Labels(made)


@given(st.lists(NUMBERS), NUMBERS, st.sampled_from(sorted(PLAIN)))
def test_numbers_are_compared_as_python_does(values, threshold, operation):
    column = Numbers(np.array(values, np.float64))
    assert passes(column, operation, threshold).tolist() == [PLAIN[operation](float(v), threshold) for v in values]


@given(st.lists(NUMBERS), NUMBERS, NUMBERS)
def test_between_holds_both_ends(values, low, high):
    column = Numbers(np.array(values, np.float64))
    assert passes(column, "BETWEEN", minimum=low, maximum=high).tolist() == [low <= float(v) <= high for v in values]


KINDS = st.sampled_from(["rain", "", "1", 1, 0, 2, True, False])


@given(st.lists(KINDS | st.none()), st.lists(KINDS, min_size=1))
def test_a_label_is_in_a_list_or_not_in_it(values, wanted):
    column = labels(*values)
    inside = [any(type(v) is type(w) and v == w for w in wanted) for v in values]
    assert passes(column, "IN", values=wanted).tolist() == inside
    assert passes(column, "NOT_IN", values=wanted).tolist() == [not found for found in inside]
    assert np.array_equal(passes(column, "EQUAL", wanted[0]), passes(column, "IN", values=wanted[:1]))
    assert np.array_equal(passes(column, "NOT_EQUAL", wanted[0]), passes(column, "NOT_IN", values=wanted[:1]))


def test_numbers_in_a_list_and_what_is_no_number():
    column = Numbers(np.array([1.0, 2, 0.5]))
    assert passes(column, "IN", values=[1, 0.5, "2", True]).tolist() == [True, False, True]
    assert passes(column, "NOT_EQUAL", True).tolist() == [True, True, True]


def test_an_unknown_label_passes_only_what_excludes():
    column = labels(None)
    passed = {name for name in ("EQUAL", "NOT_EQUAL") if passes(column, name, "rain")[0]}
    passed |= {name for name in ("IN", "NOT_IN") if passes(column, name, values=["rain"])[0]}
    assert passed == {"NOT_EQUAL", "NOT_IN"}


@pytest.mark.parametrize(
    ("column", "operation", "given", "said"),
    [
        (labels("a"), "BIGGER", {"threshold": 1}, "these are labels"),
        (labels("a"), "BETWEEN", {"minimum": 1, "maximum": 2}, "these are labels"),
        (Numbers(np.ones(1)), "BIGGER", {"threshold": "1"}, "takes a number as threshold, got '1'"),
        (Numbers(np.ones(1)), "SMALLER", {}, "needs threshold"),
        (Numbers(np.ones(1)), "IN", {"threshold": 1}, "needs values"),
        (Numbers(np.ones(1)), "BETWEEN", {"minimum": 1}, "needs maximum"),
        (Numbers(np.ones(1)), "LARGER", {"threshold": 1}, "must be one of SMALLER, .* got 'LARGER'"),
    ],
)
def test_what_cannot_be_compared_is_said(column, operation, given, said):
    with pytest.raises(UsageError, match=said):
        passes(column, operation, **given)
