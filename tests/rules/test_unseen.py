"""What is named and never seen is told, however rows come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamsel.config import SelectionConfig
from streamsel.rules.unseen import Unseen
from streamsel.rules.values import as_written, labels_of
from streamsel.selection.columns import Batch

NAMED = ("rain", 1, True, "1")
LANE = {"type": "METADATA", "key": "lane"}
COLUMN = "METADATA lane (labels)"
LABELS = st.lists(st.sampled_from([*NAMED, "fog", None, 2, False]), max_size=12)


def config() -> SelectionConfig:
    quota = {"type": "AT_MOST", "count": 1, "per": LANE, "classes": list(NAMED)}
    goal = {"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}
    return SelectionConfig.model_validate({"n_samples": 1, "strategies": [goal], "constraints": [quota]})


@given(LABELS, st.integers(0, 12))
def test_stops_blocks_and_batches_change_nothing(labels, cut):
    whole, parts, batch = Unseen(config()), Unseen(config()), Unseen(config())
    rows = [{COLUMN: label} for label in labels]
    whole.add(rows)
    parts.add(rows[:cut])
    again = Unseen(config())
    again.restore(parts.state())
    again.add(rows[cut:])
    batch.add_batch(Batch({COLUMN: labels_of(labels)}, len(labels)))
    assert whole.notes() == again.notes() == batch.notes()
    seen = {(type(label), label) for label in labels}
    missing = [label for label in NAMED if (type(label), label) not in seen]
    assert [note.partition("class ")[2].partition(";")[0] for note in whole.notes()] == [
        as_written(one) for one in missing
    ]


@given(LABELS, st.integers(0, 12))
def test_a_quota_of_all_classes_is_told_of_where_no_row_is_of_any(labels, cut):
    quota = {"type": "AT_LEAST", "count": 1, "per": LANE}
    goal = {"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}
    rules = SelectionConfig.model_validate({"n_samples": 1, "strategies": [goal], "constraints": [quota]})
    whole, parts, again, batch = (Unseen(rules) for _ in range(4))
    rows = [{COLUMN: label} for label in labels]
    whole.add(rows)
    parts.add(rows[:cut])
    again.restore(parts.state())
    again.add(rows[cut:])
    batch.add_batch(Batch({COLUMN: labels_of(labels)}, len(labels)))
    known = any(label is not None for label in labels)
    expected = [] if known else ["constraints[0].per: no row behind the filters is of any class"]
    assert whole.notes("row") == again.notes("row") == batch.notes("row") == expected


@given(LABELS, st.integers(0, 12))
def test_classes_of_thresholds_are_looked_for_before_any_filter(labels, cut):
    kept = {"type": "THRESHOLD", "operation": "IN", "values": list(NAMED)}
    rules = SelectionConfig.model_validate({"n_samples": 1, "strategies": [{"input": LANE, "strategy": kept}]})
    whole, parts, again, batch = (Unseen(rules) for _ in range(4))
    rows = [{COLUMN: label} for label in labels]
    whole.meet(rows)
    parts.meet(rows[:cut])
    again.restore(parts.state())
    again.meet(rows[cut:])
    batch.meet_batch(Batch({COLUMN: labels_of(labels)}, len(labels)))
    assert whole.notes() == again.notes() == batch.notes()
    seen = {(type(label), label) for label in labels}
    missing = [label for label in NAMED if (type(label), label) not in seen]
    assert [note.partition(" has ")[2].partition(";")[0] for note in whole.notes()] == [
        as_written(one) for one in missing
    ]
    assert all(note.startswith("strategies[0].strategy.values: no frame has ") for note in whole.notes())


def test_of_equally_near_classes_the_same_one_is_meant_after_a_stop():
    whole, parts, again = (Unseen(config()) for _ in range(3))
    rows = [{COLUMN: label} for label in ("Rain", "RAIN")]
    whole.add(rows)
    parts.add(rows)
    again.restore(parts.state())
    assert whole.notes() == again.notes()
    assert "did you mean 'RAIN'?" in whole.notes()[0]


def test_a_number_is_meant_by_its_text():
    kept = {"type": "THRESHOLD", "operation": "IN", "values": ["1"]}
    rules = SelectionConfig.model_validate({"n_samples": 1, "strategies": [{"input": LANE, "strategy": kept}]})
    unseen = Unseen(rules)
    unseen.meet([{COLUMN: 1}])
    assert unseen.notes("row") == ["strategies[0].strategy.values: no row has '1'; did you mean 1?"]


def test_a_boolean_is_told_as_it_is_written():
    kept = {"type": "THRESHOLD", "operation": "IN", "values": ["true"]}
    rules = SelectionConfig.model_validate({"n_samples": 1, "strategies": [{"input": LANE, "strategy": kept}]})
    unseen = Unseen(rules)
    unseen.meet([{COLUMN: True}])
    assert unseen.notes("row") == ["strategies[0].strategy.values: no row has 'true'; did you mean true?"]


def test_nothing_named_keeps_nothing():
    goal = {"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}
    unseen = Unseen(SelectionConfig.model_validate({"n_samples": 1, "strategies": [goal]}))
    assert unseen.state() == {}
    assert unseen.notes() == []
