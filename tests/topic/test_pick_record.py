from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatchBuilder

from streamsel.data import Box, Candidate, Decision, Mark, Pick
from streamsel.errors import SinkError
from streamsel.topic import Record
from streamsel.topic.cloudevent import Event, event_id
from streamsel.topic.pick_record import Content, check_size, part_of, pick_record, wire_bytes

VECTOR = np.array([1, 0], np.float32)
MARKS = tuple(Mark("clips/a.mp4", index, index * 512, Fraction(1, 15360)) for index in (7, 8))
FIRST = Pick(0, Candidate(MARKS[:1], VECTOR), Decision(True, "first", math.inf))
LATER = Pick(3, Candidate(MARKS, VECTOR), Decision(True, "distance", 0.5, 2, {"DIVERSITY": 0.25}))
FACTS = {"key": b"clips/a.mp4", "model": "lite0", "subject": "a-7-mp4.jpg"}

NUMBERS = st.floats() | st.floats(width=32).map(np.float32) | st.integers() | st.booleans() | st.none()
VALUES = NUMBERS | st.text(st.characters(exclude_categories=["Cs"])) | st.dictionaries(st.text("ab"), NUMBERS)
HEADERS = st.lists(st.tuples(st.text("abcé", max_size=200), st.binary(max_size=300)), max_size=20).map(tuple)


def event_of(record: Record) -> Event:
    event = Event.from_headers(record.headers)
    assert event is not None
    return event


@given(st.binary(max_size=40), st.integers(0, 40))
def test_a_picture_travels_whole_or_as_a_claim(data: bytes, limit: int) -> None:
    record = pick_record(FIRST, Content(data, dataref="claims/a.jpg"), limit=limit, **FACTS)
    event = event_of(record)
    assert event.content_type == "image/jpeg"
    if len(data) <= limit:
        assert (record.value, event.dataref, event.sha256) == (data, "", "")
    else:
        assert (record.value, event.dataref, event.sha256) == (None, "claims/a.jpg", sha256(data).hexdigest())


def test_a_large_picture_that_lies_nowhere_is_one_clear_line() -> None:
    with pytest.raises(SinkError, match=r"a-7-mp4\.jpg: 9 bytes are above the inline limit of 8"):
        pick_record(FIRST, Content(bytes(9)), limit=8, **FACTS)


@given(st.dictionaries(st.text("abc"), VALUES, max_size=4), st.dictionaries(st.text("xyz"), st.floats(), max_size=3))
def test_the_decision_is_told_in_full(signals: dict[str, object], gains: dict[str, float]) -> None:
    pick = replace(LATER, decision=replace(LATER.decision, gains=gains))
    said = event_of(pick_record(pick, Content(b"x"), frame=1, signals=signals, file="frames/a.jpg", **FACTS)).extensions
    told = {
        name: said[name] for name in ("reason", "distance", "nearest", "ordinal", "index", "pts", "seconds", "file")
    }
    assert told == {
        **{"reason": "distance", "distance": "0.5", "nearest": "2", "ordinal": "3"},
        **{"index": "8", "pts": "4096", "seconds": repr(MARKS[1].time), "file": "frames/a.jpg"},
    }
    assert json.loads(said.get("gains", "{}")) == {name: finite(gain) for name, gain in gains.items()}
    assert json.loads(said.get("signals", "{}")) == {name: finite(value) for name, value in signals.items()}


def finite(value: object) -> object:
    """As JSON can say it."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    return None if isinstance(value, float | np.floating) and not math.isfinite(value) else value


def test_the_first_pick_has_no_distance() -> None:
    assert not {"distance", "nearest", "gains", "signals", "file"} & set(
        event_of(pick_record(FIRST, Content(b"x"), **FACTS)).extensions
    )


def test_an_event_is_known_again_whatever_is_told_of_it() -> None:
    one = event_of(pick_record(FIRST, Content(b"x"), **FACTS))
    other = event_of(pick_record(replace(FIRST, ordinal=5), Content(b"y"), signals={"blur": 1.0}, **FACTS))
    assert one.id == other.id == event_id("clips/a.mp4", "", 3584, "lite0", part_of(MARKS[0]))


def test_frames_objects_epochs_and_models_have_ids_of_their_own() -> None:
    objects = [replace(FIRST, candidate=replace(FIRST.candidate, box=Box(1, 2, 3, 4, index=one))) for one in (0, 1)]
    still = replace(FIRST, candidate=Candidate((replace(MARKS[0], name="a.png"),), VECTOR))
    again = replace(FIRST, candidate=Candidate((replace(MARKS[0], index=999),), VECTOR))
    records = [pick_record(pick, Content(b"x"), **FACTS) for pick in (FIRST, *objects, still, again)]
    records += [
        pick_record(LATER, Content(b"x"), frame=1, **FACTS),
        pick_record(LATER, Content(b"x"), epoch="2", **FACTS),
    ]
    records += [pick_record(FIRST, Content(b"x"), **{**FACTS, "model": "other"})]
    assert len({event_of(record).id for record in records}) == len(records)
    assert event_of(pick_record(FIRST, Content(b"x"), **FACTS, id="given")).id == "given"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_source_is_told_as_a_uri_reference(name: str) -> None:
    still = replace(FIRST, candidate=Candidate((replace(MARKS[0], source=name),), VECTOR))
    source = event_of(pick_record(still, Content(b"x"), **FACTS)).source
    assert unquote(source) == name
    assert source.isascii()
    assert " " not in source


def test_an_object_is_told() -> None:
    box = Box(1, 2.5, 3, 4, "dog", task="yolo")
    record = pick_record(replace(FIRST, candidate=replace(FIRST.candidate, box=box)), Content(b"x"), **FACTS)
    assert (event_of(record).extensions["box"], event_of(record).extensions["label"]) == ("[1,2.5,3,4]", "dog")


@given(st.binary(max_size=50), st.none() | st.integers(0, 300_000).map(bytes), HEADERS)
def test_no_record_is_larger_on_the_wire_than_told(
    key: bytes, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
) -> None:
    record = Record(key, value, headers)
    batch = DefaultRecordBatchBuilder(2, 0, True, 1, 1, 1, 1 << 30)
    assert batch.append(0, 1 << 40, key, value, list(headers)) is not None
    assert len(batch.build()) <= wire_bytes(record)
    assert check_size(record, wire_bytes(record), "picks") is record
    with pytest.raises(SinkError, match=r"picks: a record of .* larger than the topic takes"):
        check_size(record, wire_bytes(record) - 1, "picks")
