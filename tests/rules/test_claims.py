"""What the scout keeps for quotas and shares: picks of it can count whatever picks of all rows can."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config import SelectionConfig
from streamsel.data import Frame, Mark
from streamsel.embed.baseline import NoSamples
from streamsel.embed.larder import Larder
from streamsel.embed.reserve import Reserve
from streamsel.embed.shortlist import Shape, Shortlist
from streamsel.rules.claims import Claims
from streamsel.rules.frame_rows import FrameRows
from streamsel.rules.goals import budget_rules
from streamsel.rules.material import batch_of
from streamsel.selection.budget.best import Best
from streamsel.testing.sinks import FlatPicture

DIM = 4
WEATHER = {"type": "METADATA", "key": "weather"}
DIVERSE = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


def config(*constraints, balance=None):
    strategies = [DIVERSE] if balance is None else [DIVERSE, {"input": WEATHER, "strategy": balance}]
    return SelectionConfig.model_validate({"n_samples": 1, "strategies": strategies, "constraints": list(constraints)})


def quota(kind, count, per=WEATHER, **more):
    return {"type": kind, "count": count, "per": per, **more}


SOURCE = {"type": "SOURCE"}
COLUMN = "METADATA weather (labels)"
AMOUNTS = "METADATA weather (counts)"
CLASSES = "PREDICTIONS cars CLASSES"


def looked(labels, sources, n, asked, still):
    """Windows that look alike but for a few, and the rows that the scout keeps of them for n picks."""
    vectors = np.zeros((len(labels), DIM), np.float32)
    vectors[:, 0] = 1
    vectors[still:] = np.eye(DIM, dtype=np.float32)[np.arange(len(labels) - still) % DIM]
    windows = [
        (Frame(Mark(source, i, i, Fraction(1)), FlatPicture((1, 2, 3), 4, 4), signals=signals_of(label)),)
        for i, (label, source) in enumerate(zip(labels, sources, strict=True))
    ]
    claims = Claims(asked, n)
    larder = Larder(None)
    scout = Shortlist(
        lambda block: vectors[[window[0].mark.pts for window in block]],
        Shape(4, DIM),
        NoSamples(larder),
        keep_vectors=True,
        reserve=Reserve(claims.of, claims.rooms),
    )
    scout.begin(len(labels))
    for start in range(0, len(labels), 16):
        scout.look(windows[start : start + 16])
    scout.end()
    return windows, vectors, scout.finish()[0]


def signals_of(label):
    """Of a label, or of the set of classes of which there are predictions."""
    if isinstance(label, frozenset):
        return {CLASSES: dict.fromkeys(sorted(label), 2.0)}
    return {COLUMN: label, AMOUNTS: {} if label is None else {label: 1.0}}


def unmet(asked, windows, vectors, rows, n):
    firsts = [windows[row][0] for row in rows]
    names = [str(row) for row in rows]
    material = FrameRows(names, [one.mark for one in firsts], [one.signals for one in firsts], rows=vectors[rows])
    best = Best(budget_rules(asked, {}))
    best.offer(batch_of(asked, material))
    best.finish(n)
    return best.unmet()


LABELS = st.lists(st.sampled_from(["rain", "fog", "sun", "sun", "sun", "sun", None]), min_size=1, max_size=120)


@settings(deadline=None, max_examples=60)
@given(LABELS, st.integers(1, 6), st.integers(1, 20), st.sampled_from([None, ["rain"], ["rain", "fog"]]), st.data())
def test_at_least_is_met_whenever_all_rows_together_could_meet_it(labels, count, n, classes, data):
    asked = config(quota("AT_LEAST", count, **({} if classes is None else {"classes": classes})))
    there = Counter(label for label in labels if label is not None and (classes is None or label in classes))
    wanted = dict.fromkeys(classes or there, count)
    can = sum(wanted.values()) <= n and all(there[name] >= need for name, need in wanted.items())
    still = data.draw(st.integers(0, len(labels)))
    windows, vectors, rows = looked(labels, ["v"] * len(labels), n, asked, still)
    if can:
        assert not unmet(asked, windows, vectors, rows, n)
    for name, need in wanted.items():
        kept = sum(labels[row] == name for row in rows)
        assert kept >= min(need, there[name], n // len(wanted))


SETS = st.lists(st.frozensets(st.sampled_from(["car", "bus", "tram", "van"])), min_size=1, max_size=80)


@settings(deadline=None, max_examples=60)
@given(SETS, st.integers(1, 4), st.integers(1, 20), st.data())
def test_at_least_is_met_where_frames_are_in_several_classes(sets, count, n, data):
    asked = config(quota("AT_LEAST", count, {"type": "PREDICTIONS", "task": "cars"}))
    there = Counter(name for classes in sets for name in classes)
    still = data.draw(st.integers(0, len(sets)))
    windows, vectors, rows = looked(sets, ["v"] * len(sets), n, asked, still)
    if len(there) * count <= n and all(rows >= count for rows in there.values()):
        assert not unmet(asked, windows, vectors, rows, n)


RAINY = {"type": "BALANCE", "distribution": "TARGET", "target": {"rain": 0.9}}
ROWS = st.lists(st.tuples(st.sampled_from(["rain", *["sun"] * 5]), st.sampled_from("ab")), min_size=1, max_size=120)
MANY = 99


@pytest.mark.parametrize(
    ("asked", "kind", "most"),
    [
        (
            config(quota("AT_MOST", 3, classes=["sun"]), quota("AT_LEAST", 2, SOURCE)),
            lambda label, source: (label, source),
            lambda label, source: 3 if label == "sun" else MANY,
        ),
        (
            config(quota("AT_LEAST", 2, classes=["rain"]), quota("AT_MOST", 2, SOURCE)),
            lambda label, source: (label, source),
            lambda label, source: 2,
        ),
        (config(balance=RAINY), lambda label, source: label, lambda label, source: MANY),
        (
            config(quota("AT_MOST", 1, SOURCE), balance=RAINY),
            lambda label, source: (label, source),
            lambda label, source: 1,
        ),
    ],
    ids=["most and least", "least and most", "balance", "balance and most"],
)
@settings(deadline=None, max_examples=40)
@given(table=ROWS, n=st.integers(1, 12), data=st.data())
def test_any_picks_can_be_traded_for_rows_kept_that_count_the_same(asked, kind, most, table, n, data):
    labels, sources = map(list, zip(*table, strict=True))
    _, _, kept = looked(labels, sources, n, asked, data.draw(st.integers(0, len(table))))
    there, held = Counter(kind(*row) for row in table), Counter(kind(*table[row]) for row in kept)
    for row in set(table):
        assert held[kind(*row)] >= min(there[kind(*row)], most(*row), n)


@settings(deadline=None, max_examples=40)
@given(table=ROWS, count=st.integers(0, 5), n=st.integers(1, 12), data=st.data())
def test_under_at_most_alone_as_many_can_be_picked_as_of_all_rows(table, count, n, data):
    labels, sources = map(list, zip(*table, strict=True))
    asked = config(quota("AT_MOST", count))
    _, _, kept = looked(labels, sources, n, asked, data.draw(st.integers(0, len(table))))
    there, held = Counter(labels), Counter(labels[row] for row in kept)
    assert sum(min(count, rows) for rows in held.values()) >= min(n, sum(min(count, rows) for rows in there.values()))


def test_nothing_is_kept_for_what_the_scout_sees_itself():
    assert not Claims(config(), 5).rooms
    assert not Claims(config({"type": "MIN_DISTANCE", "distance": 0.5}, {"type": "MIN_GAP", "seconds": 1}), 5).rooms


def test_a_row_is_in_the_classes_of_which_it_holds_half_a_thing_or_else_most():
    claims = Claims(config(balance={"type": "BALANCE", "distribution": "UNIFORM"}), 5)

    def kind(amounts):
        frame = Frame(Mark("v", 0, 0, Fraction(1)), FlatPicture((1, 2, 3), 4, 4), signals={AMOUNTS: amounts})
        return [json.loads(claim.key) for claim in claims.of((frame,))]

    assert kind({"rain": 0.2, "fog": 0.45, "sun": 0.35}) == [[["fog"]]]
    assert kind({"rain": 2.0, "fog": 0.5, "sun": 0.1}) == [[["fog", "rain"]]]
    assert kind({}) == kind({"rain": 0.0}) == [[[]]]
