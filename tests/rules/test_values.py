"""Values as they are known of rows become columns, or an error that names the row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.rules.values import class_of, labels_of, one_class_each, to_column
from streamsel.selection.columns import Counts, Labels, Numbers

NAMES = ["a", "b", "c", "d", "e", "f"]
FINITE = st.floats(-1e12, 1e12)
LABEL = st.text(max_size=3) | st.integers(-9, 9) | st.booleans()
COUNTS = st.dictionaries(st.sampled_from("xyz"), st.floats(0, 9), max_size=3)


@given(st.lists(FINITE | st.integers(-9, 9), max_size=6))
def test_numbers_are_as_they_were(values):
    column = to_column("numbers", values, NAMES, "w")
    assert isinstance(column, Numbers)
    assert column.values.tolist() == [float(value) for value in values]


@pytest.mark.parametrize("wrong", [None, "3", True, float("nan"), float("inf"), {"x": 1.0}])
def test_what_is_no_number_names_its_row(wrong):
    with pytest.raises(UsageError, match=r"^b: w must be a (finite )?number") as caught:
        to_column("numbers", [1.0, wrong, wrong], NAMES, "w")
    assert "(1 more rows like it)" in str(caught.value)


@given(st.lists(COUNTS | LABEL | st.none(), max_size=6))
def test_counts_hold_what_rows_hold(values):
    column = to_column("counts", values, NAMES, "w", ("x", "never"))
    assert isinstance(column, Counts)
    assert column.classes[:2] == ("x", "never")
    for row, value in zip(column.values, values, strict=True):
        held = value if isinstance(value, dict) else {} if value is None else {class_of(value): 1.0}
        found = {name: amount for name, amount in zip(column.classes, row, strict=True) if amount}
        assert found == {name: amount for name, amount in held.items() if amount}


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_amounts_are_zero_or_more(wrong):
    with pytest.raises(UsageError, match=r"^c: w must be counts of 0 or more"):
        to_column("counts", [{}, None, {"x": wrong}], NAMES, "w")


@given(st.lists(COUNTS, max_size=6))
def test_probabilities_of_one_thing_are_one_class(rows):
    column = to_column("counts", rows, NAMES, "w", ("x", "y", "z"))
    for amounts, classes in zip(column.values, one_class_each(column).values, strict=True):
        if amounts.sum() <= 1:
            assert np.count_nonzero(classes) == bool(amounts.any())
            assert classes[amounts.argmax()] == amounts.max()
        elif amounts.sum() > 1.01:
            assert (classes == amounts).all()


@given(st.lists(LABEL | st.none(), max_size=6))
def test_labels_are_as_they_were(values):
    for column in (to_column("labels", values, NAMES, "w"), labels_of(values)):
        assert isinstance(column, Labels)
        assert [(type(value), value) for value in column.values] == [(type(value), value) for value in values]


@given(st.lists(st.sampled_from("xyz") | st.none(), max_size=6))
def test_counts_of_one_class_are_labels(values):
    """What a run has counted reads back as the categories that it was made of."""
    counts = [{} if value is None else {value: 1.0, "other": 0.0} for value in values]
    assert to_column("labels", counts, NAMES, "w").values.tolist() == values


@pytest.mark.parametrize("wrong", [{"x": 2.0}, {"x": 1.0, "y": 1.0}, {"x": 0.5}])
def test_other_counts_are_no_label(wrong):
    with pytest.raises(UsageError, match=r"^b: w must be a category"):
        to_column("labels", ["x", wrong], NAMES, "w")


def test_booleans_are_spelled_as_json_spells_them():
    assert [class_of(label) for label in (True, False, 1, "a", 1.5)] == ["true", "false", "1", "a", "1.5"]
    assert np.array_equal(to_column("counts", [True, False], NAMES, "w").values, [[0, 1], [1, 0]])
