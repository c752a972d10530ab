from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config import SelectionConfig
from streamsel.data import Box, Decision, Frame, Mark, Pixels, Vector
from streamsel.decode.picture import StillPicture
from streamsel.embed import Row
from streamsel.rules.object_rows import ObjectRows, of_rows
from streamsel.rules.own_values import object_name, of_frames, of_objects


class Corner:
    """Embeds a picture as the colours of its corner."""

    name, dim, size, batch, novelty_distance = "corner", 3, (8, 8), 4, 0.5

    def embed(self, pictures: Pixels) -> Vector:
        rows = pictures[:, 0, 0].astype(np.float32) + 1
        unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


DIVERSE = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
SCORE = {"type": "METADATA", "key": "score"}
SPEED = {"type": "METADATA", "key": "speed"}
SURE = {"input": SCORE, "strategy": {"type": "THRESHOLD", "operation": "BIGGER", "threshold": 0.5}}
FAST = {"input": SPEED, "strategy": {"type": "THRESHOLD", "operation": "BIGGER", "threshold": 1}}


def config(*entries: Any, **more: Any) -> SelectionConfig:
    return SelectionConfig.model_validate({"strategies": list(entries), **more})


def frame(index: int) -> Frame:
    pixels = np.random.default_rng(index).integers(0, 255, (40, 60, 3), np.uint8)
    return Frame(Mark("v.mp4", index, index, Fraction(1, 25)), StillPicture(pixels))


def row(index: int) -> Row:
    return Row(100 + index, (frame(index).mark,), signals={"METADATA speed": index})


Scores = st.lists(st.lists(st.floats(0, 1), max_size=4), max_size=6)


def objects(scores: Sequence[Sequence[float]], *entries: Any) -> ObjectRows:
    boxes = [[Box(5 * k, 3, 20, 20, "car", s, k, "cars") for k, s in enumerate(row)] for row in scores]
    boxes = [[*found, Box(100, 100, 5, 5, "far", 1, len(found))] for found in boxes]
    read = config(*(entries or [DIVERSE]))
    return ObjectRows(read, "cars", lambda frame, name: boxes[frame.mark.index], lambda mark: "n.png", Corner())


@given(Scores)
def test_a_row_for_each_object_in_the_picture_in_order(scores: list[list[float]]) -> None:
    made = objects(scores)
    rows = [row(i) for i in range(len(scores))]
    found = made.rows(rows, [(frame(i),) for i in range(len(scores))])
    assert [(one.id, one.box.index) for one in found if one.box] == [
        (100 + i, k) for i, own in enumerate(scores) for k in range(len(own))
    ]
    alone = [one for i, own in enumerate(rows) for one in made.rows([own], [(frame(i),)])]
    for one, other in zip(found, alone, strict=True):
        assert one.vector is not None
        np.testing.assert_array_equal(one.vector, other.vector)
    assert made.drops == ({"box outside of the picture": 2 * len(scores)} if scores else {})
    assert made.looked == 2 * sum(len(own) + 1 for own in scores)


@given(Scores)
def test_thresholds_on_their_own_values_come_first(scores: list[list[float]]) -> None:
    made = objects(scores, DIVERSE, SURE, FAST)
    rows = [row(i) for i in range(len(scores))]
    found = made.rows(rows, [(frame(i),) for i in range(len(scores))])
    assert [one.signals["METADATA score"] for one in found] == [s for own in scores for s in own if s > 0.5]
    assert made.drops["threshold score"] == sum(s <= 0.5 for own in scores for s in own)
    state = made.state()
    again = objects(scores, DIVERSE, SURE)
    again.restore(state)
    assert (again.looked, again.drops) == (made.looked, made.drops)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.floats(0, 2)), max_size=12))
def test_a_row_has_the_decision_of_its_best_object(told: list[tuple[int, bool, float]]) -> None:
    rows = [row(i) for i in range(5)]
    things = [rows[i] for i, _, _ in told]
    decisions = [Decision(keep, "near", distance) for _, keep, distance in told]
    for place, decision in enumerate(of_rows(rows, things, decisions)):
        own = [(keep, distance) for i, keep, distance in told if i == place]
        assert (decision.keep, decision.distance) == max(own, default=(False, np.inf))
        assert (decision.reason == "no object") == (not own)


def test_what_reads_objects_is_told_from_what_reads_frames() -> None:
    quota = {"type": "AT_MOST", "count": 2, "per": {"type": "METADATA", "key": "label"}}
    names = {"type": "INCLUDE", "names": ["sub/v-07-mp4-3.jpg", "a.jpg-0.jpg"]}
    whole = config(DIVERSE, SURE, FAST, constraints=[quota, names])
    frames, own = of_frames(whole, "cars"), of_objects(whole, "cars")
    assert [entry.label for entry in frames.strategies] == ["DIVERSITY", "THRESHOLD speed"]
    assert [entry.label for entry in own.strategies] == ["THRESHOLD score"]
    (included,) = frames.constraints
    assert getattr(included, "names", ()) == ("sub/v-07-mp4", "a.jpg")
    assert [one.type for one in own.constraints] == ["INCLUDE"]


def test_objects_are_called_like_their_crops() -> None:
    video, still = Mark("v.mp4", 7, 7, Fraction(1)), Mark("pics", 0, 0, Fraction(1), name="a.png")
    assert object_name("v-07-mp4.png", video, Box(0, 0, 1, 1, index=2)) == "v-07-mp4-2.jpg"
    assert object_name("pics/a.png", still, Box(0, 0, 1, 1)) == "pics/a.png-0.jpg"
