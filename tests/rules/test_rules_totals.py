"""Totals: whatever the cut, over a restart, and as counting by hand tells."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config import read_selection
from streamsel.errors import UsageError
from streamsel.rules.shares import check_targets, wanted_shares
from streamsel.rules.totals import Totals
from streamsel.selection.columns import Counts

NUMBERS = st.one_of(st.none(), st.integers(-1000, 1000), st.floats(-1e6, 1e6))
COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), max_size=3)
ROWS = st.lists(st.fixed_dictionaries({"number": NUMBERS, "counts": COUNTS, "label": st.sampled_from(["x", "y"])}))


def told(totals: Totals) -> list[object]:
    return [totals.mean("number"), totals.ends("number"), totals.shares("counts"), totals.mean("label")]


@given(ROWS, st.integers(0, 20))
def test_any_cut_and_a_restart_change_nothing(rows, cut):
    whole, parts = Totals(), Totals()
    whole.add(rows)
    parts.add(rows[:cut])
    again = Totals()
    again.restore({name: array.copy() for name, array in parts.state().items()})
    again.add(rows[cut:])
    assert told(again) == told(whole)


@given(ROWS)
def test_totals_are_those_of_counting_by_hand(rows):
    totals = Totals()
    totals.add(rows)
    numbers = [row["number"] for row in rows if row["number"] is not None]
    assert totals.mean("number") == (pytest.approx(sum(numbers) / len(numbers)) if numbers else None)
    assert totals.ends("number") == ((min(numbers), max(numbers)) if numbers else (None, None))
    amounts = {name: sum(row["counts"].get(name, 0) for row in rows) for name in "abc"}
    shares = {name: amount / sum(amounts.values()) for name, amount in amounts.items() if amount}
    assert {name: share for name, share in totals.shares("counts").items() if share} == pytest.approx(shares)


def test_input_means_the_shares_of_all_that_was_seen():
    config = read_selection(
        json.dumps(
            {
                "n_samples": 1,
                "strategies": [
                    {
                        "input": {"type": "PREDICTIONS", "task": "t", "name": "CLASS_DISTRIBUTION"},
                        "strategy": {"type": "BALANCE", "distribution": "INPUT"},
                    }
                ],
            }
        )
    )
    column = Counts(np.array([[1.0, 0.0], [0.0, 1.0]]), ("car", "dog"))
    options = config.strategies[0].strategy
    assert wanted_shares(options, column, {})[1].tolist() == [0.5, 0.5]
    counts, target = wanted_shares(options, column, {"car": 0.9, "dog": 0.1})
    assert dict(zip(counts.classes, target.tolist(), strict=True)) == pytest.approx({"car": 0.9, "dog": 0.1})


def test_a_target_that_the_schema_lacks_is_told_with_the_nearest():
    config = read_selection(
        json.dumps(
            {
                "n_samples": 1,
                "strategies": [
                    {
                        "input": {"type": "PREDICTIONS", "task": "t", "name": "CLASS_DISTRIBUTION"},
                        "strategy": {"type": "BALANCE", "target": {"cra": 0.5}},
                    }
                ],
            }
        )
    )
    with pytest.raises(UsageError, match=r"strategies\[0\].strategy.target: unknown class 'cra'; did you mean 'car'"):
        check_targets(config, {config.strategies[0].column: ("car", "dog")})
    check_targets(config, {})
