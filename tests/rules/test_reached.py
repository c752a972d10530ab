"""What was asked beside what was reached, and how much each pick added."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config import read_selection
from streamsel.data import Decision
from streamsel.report.goals import goal_rows
from streamsel.rules.material import batch_of
from streamsel.rules.reached import POINTS, curve, reached
from streamsel.rules.table_rows import TableRows
from streamsel.tables import Table

GOALS = read_selection(
    {
        "n_samples": 3,
        "strategies": [
            {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}},
            {
                "input": {"type": "METADATA", "key": "speed"},
                "strategy": {"type": "WEIGHTS", "strength": -2.0, "stopping_condition_max_sum": 9.0},
            },
            {
                "input": {"type": "METADATA", "key": "road"},
                "strategy": {"type": "BALANCE", "target": {"city": 0.25, "land": 0.75}},
            },
            {
                "input": {"type": "METADATA", "key": "speed"},
                "strategy": {"type": "THRESHOLD", "operation": "BIGGER", "threshold": -1},
            },
        ],
    }
)


def batch(roads, speeds):
    vectors = np.eye(len(roads), 4, dtype=np.float32)
    columns = {"speed": np.array(speeds, np.float64), "road": np.array(roads, object)}
    return batch_of(GOALS, TableRows(Table([str(row) for row in range(len(roads))], vectors, columns)))


def decision(distance=1.0, **gains):
    return Decision(True, "greedy", distance, 0, gains)


ROWS = batch(["city", "land", "land", "sea"], [1.0, 2.0, 3.0, 4.0])


def test_sums_shares_and_distances():
    judged = [decision(float("inf")), decision(0.5), decision(1.5), decision()]
    told = reached(GOALS, ROWS, [0, 2, 1], judged)
    assert set(told) == {"DIVERSITY", "WEIGHTS speed", "BALANCE road"}
    assert told["DIVERSITY"]["reached_minimum"] == 0.5
    assert told["WEIGHTS speed"]["reached_sum"] == 6
    assert told["WEIGHTS speed"]["input_mean"] == 2.5
    assert told["WEIGHTS speed"]["strength"] == -2
    assert told["WEIGHTS speed"]["stopping_condition_max_sum"] == 9
    shares = told["BALANCE road"]["shares"]
    assert shares["city"] == pytest.approx({"target": 0.25, "input": 0.25, "reached": 1 / 3})
    assert shares["land"]["reached"] == pytest.approx(2 / 3)
    assert json.loads(json.dumps(told)) == told
    assert len(list(goal_rows(told))) == 5


def test_earlier_picks_count():
    before = batch(["sea", "sea"], [10.0, 20.0])
    told = reached(GOALS, ROWS, [1, 2], [decision()] * 4, before)
    assert told["WEIGHTS speed"]["reached_sum"] == 35
    assert told["BALANCE road"]["shares"]["land"]["reached"] == 0.5


def test_nothing_picked():
    empty = batch(["city"], [1.0]).take(np.empty(0, np.int64))
    for rows in (ROWS, empty):
        told = reached(GOALS, rows, [], [decision()] * len(rows))
        assert told["BALANCE road"]["shares"] == {}
        assert told["WEIGHTS speed"]["reached_mean"] == 0
        assert told["DIVERSITY"]["reached_minimum"] is None
        assert list(goal_rows(told))
    assert curve([], []) == []


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=300))
def test_the_curve_ends_with_all_gains(gains):
    judged = [decision(float(row), a=gain, b=1.0) for row, gain in enumerate(gains)]
    order = list(reversed(range(len(gains))))
    points = curve(order, judged)
    picks = [point["picks"] for point in points]
    assert picks == sorted(set(picks))
    assert (picks[0], picks[-1]) == (1, len(gains))
    assert len(points) <= POINTS
    assert points[-1]["potential"] == pytest.approx(sum(gains) + len(gains))
    assert points[0]["distance"] == len(gains) - 1
