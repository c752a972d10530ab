"""What is named and never seen is told, however rows come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamsel.config import SelectionConfig
from streamsel.rules.unseen import Unseen
from streamsel.rules.values import labels_of
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
    assert [note.partition("class ")[2].partition(";")[0] for note in whole.notes()] == [repr(one) for one in missing]


def test_nothing_named_keeps_nothing():
    goal = {"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}
    unseen = Unseen(SelectionConfig.model_validate({"n_samples": 1, "strategies": [goal]}))
    assert unseen.state() == {}
    assert unseen.notes() == []
