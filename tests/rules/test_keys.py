"""A key says what was read, the same in tables, manifests and pools."""

from __future__ import annotations

import numpy as np
import pytest

from streamsel.config import read_selection
from streamsel.rules.keys import key_of, keys_of, signals_of
from streamsel.selection.columns import Batch, Counts, Labels, Numbers

KEYS = {
    "weather.rain": {"type": "METADATA", "key": "weather.rain"},
    "cars.uncertainty_margin": {"type": "SCORES", "task": "cars", "score": "uncertainty_margin"},
    "cars.CATEGORY_COUNT": {"type": "PREDICTIONS", "task": "cars", "name": "CATEGORY_COUNT"},
    "cars.CATEGORY_COUNT.bus,car": {
        "type": "PREDICTIONS",
        "task": "cars",
        "name": "CATEGORY_COUNT",
        "categories": ["car", "bus"],
    },
    "RANDOM": {"type": "RANDOM"},
    "RANDOM 4": {"type": "RANDOM", "random_seed": 4},
}
DISTRIBUTION = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}


def rules(*constraints):
    goals = [{"input": what, "strategy": {"type": "WEIGHTS"}} for what in KEYS.values()]
    goals += [{"input": DISTRIBUTION, "strategy": {"type": "BALANCE", "distribution": "UNIFORM"}}]
    goals += [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]
    return read_selection({"n_samples": 1, "strategies": goals, "constraints": list(constraints)})


@pytest.mark.parametrize("key", KEYS)
def test_a_key_for_each_input(key):
    (entry,) = read_selection(
        {"n_samples": 1, "strategies": [{"input": KEYS[key], "strategy": {"type": "WEIGHTS"}}]}
    ).strategies
    assert key_of(entry.input) == key


def test_keys_are_those_of_values():
    assert set(keys_of(rules()).values()) == {*KEYS, "cars.CLASS_DISTRIBUTION"}


def test_constraints_are_known_by_what_they_read():
    limits = (
        {"type": "AT_MOST", "count": 1, "per": {"type": "SOURCE"}},
        {"type": "AT_MOST", "count": 1, "per": {"type": "DAY"}},
        {"type": "AT_MOST", "count": 1, "per": {"type": "METADATA", "key": "road"}},
        {"type": "AT_LEAST", "count": 1, "per": {"type": "PREDICTIONS", "task": "cars"}},
    )
    keys = keys_of(rules(*limits))
    assert {"SOURCE": "SOURCE", "DAY": "DAY", "METADATA road (labels)": "road"}.items() <= keys.items()
    assert list(keys.values()).count("cars.CLASS_DISTRIBUTION") == 1
    gap = keys_of(rules({"type": "MIN_GAP", "seconds": 1}))
    assert {"SOURCE": "SOURCE", "TIME": "TIME"}.items() <= gap.items()


def test_signals_are_plain_values_without_what_is_zero():
    batch = Batch(
        {
            "n": Numbers(np.array([1.5, 2.5])),
            "c": Counts(np.array([[0.0, 2.0], [0.0, 0.0]]), ("car", "bus")),
            "l": Labels(np.array(["x", None], object)),
        },
        2,
    )
    keys = {"n": "number", "c": "counts", "l": "label", "absent": "absent"}
    assert signals_of(keys, batch, 0) == {"number": 1.5, "counts": {"bus": 2.0}, "label": "x"}
    assert signals_of(keys, batch, 1) == {"number": 2.5, "counts": {}, "label": None}
