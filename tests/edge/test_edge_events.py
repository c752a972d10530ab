"""What is sent of a pick: the same id, the same facts as beside the picture, and never too much."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from urllib.parse import unquote

import pytest
from edge_picks import VERDICT, live, of_segment
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.data import Decision
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.telling.events import MOST_BYTES, kafka_event, mqtt_event
from streamsel.lanes.deciding import Span
from streamsel.lanes.lane import Verdict
from streamsel.topic import Record
from streamsel.topic.cloudevent import Event
from streamsel.topic.pick_record import HEADERS, wire_bytes

FIRST = Verdict(Decision(True, "first", math.inf), 0)
TOPIC = "site/{source}/picks"


@pytest.fixture
def out(tmp_path) -> Pictures:
    return Pictures(tmp_path, quality=90, model="m")


def event_of(outgoing) -> Event:
    return Event.from_headers(outgoing.headers)


def test_mqtt_gets_what_is_told_beside_the_picture(out, tmp_path):
    written = out.write("yard", live(), VERDICT)
    sent = mqtt_event("yard", live(), VERDICT, written, topic=TOPIC)
    assert (sent.id, sent.key, sent.headers, sent.about) == (written.id, b"site/yard/picks", (), written.file)
    assert sent.distance == 0.5
    told, beside = json.loads(sent.value), json.loads((tmp_path / f"{written.file}.json").read_bytes())
    assert told == {name: beside[name] for name in told}
    assert list(told) == ["id", "source", "taken", "file", "reason", "distance", "ordinal", "signals"]


def test_the_first_pick_has_no_distance(out):
    written = out.write("yard", live(), FIRST)
    sent = mqtt_event("yard", live(), FIRST, written, topic="picks")
    assert (json.loads(sent.value)["distance"], sent.distance, sent.key) == (None, math.inf, b"picks")
    assert "distance" not in event_of(kafka_event("yard", live(), FIRST, written)).extensions


def test_a_pick_of_a_window_says_which_one(out):
    chosen = replace(VERDICT, window=Span(1_790_000_000.0, 1_790_000_000.5), order=3)
    written = out.write("yard", live(), chosen)
    window = {"begin": "2026-09-21T14:13:20+00:00", "end": "2026-09-21T14:13:20.500000+00:00", "order": 3}
    assert json.loads(mqtt_event("yard", live(), chosen, written, topic=TOPIC).value)["window"] == window
    told = event_of(kafka_event("yard", live(), chosen, written)).extensions
    assert [told[f"window{name}"] for name in window] == [window["begin"], window["end"], "3"]
    alone = out.write("yard", live(91), VERDICT)
    assert "window" not in json.loads(mqtt_event("yard", live(91), VERDICT, alone, topic=TOPIC).value)
    assert not [name for name in event_of(kafka_event("yard", live(91), VERDICT, alone)).extensions if "window" in name]


def test_kafka_gets_the_picture(out):
    written = out.write("yard", live(), VERDICT)
    sent = kafka_event("yard", live(), VERDICT, written)
    event = event_of(sent)
    assert (sent.key, sent.value, sent.about, sent.distance) == (b"yard", written.data, written.file, 0.5)
    assert (event.id, event.source, event.time) == (written.id, "yard", written.taken)
    assert event.subject == "yard/2026-11-21/yard-20261121T115900Z-00000000000090"
    assert (event.content_type, event.dataref, event.sha256) == ("image/jpeg", "", "")
    assert event.extensions["file"] == written.file
    assert json.loads(event.extensions["signals"]) == {"METADATA speed": 3}
    assert kafka_event("yard", live(), VERDICT, written, key="gate 7").key == b"gate 7"


def test_or_where_it_lies_when_it_is_large(out, tmp_path):
    written = out.write("yard", of_segment("cam ä/1.mp4"), VERDICT)
    limit = len(written.data)
    assert kafka_event("yard", of_segment(), VERDICT, written, limit=limit).value == written.data
    sent = kafka_event("yard", of_segment(), VERDICT, written, limit=limit - 1)
    event = event_of(sent)
    assert sent.value is None
    assert (tmp_path / unquote(event.dataref)).read_bytes() == written.data
    assert event.sha256 == hashlib.sha256(written.data).hexdigest()


SEEN = st.builds(live, st.integers(-(2**40), 2**40), index=st.integers(0, 5)) | st.builds(
    of_segment, st.text(max_size=300) | st.just("\udcff/b.mp4"), st.integers(0, 5)
)


@settings(max_examples=50)
@given(SEEN, st.sampled_from([0, 100, 50_000, 100_000]), st.booleans())
def test_each_has_the_id_of_the_picture_and_is_never_too_large(tmp_path_factory, seen, size, many):
    out = Pictures(tmp_path_factory.mktemp("out"), quality=90, model="m")
    signals = {f"METADATA {n}": float("nan") for n in range(size // 20)} if many else {"METADATA x": "ä" * size}
    verdict = replace(VERDICT, signals=signals)
    written = out.write("yard", seen, verdict)
    small, large = mqtt_event("yard", seen, verdict, written, topic=TOPIC), kafka_event("yard", seen, verdict, written)
    assert written.id == small.id == large.id == event_of(large).id == json.loads(small.value)["id"]
    assert len(small.value) <= MOST_BYTES
    assert wire_bytes(Record(large.key, large.value, large.headers)) <= HEADERS + len(written.data)
    told = size < 10_000
    assert ("signals" in json.loads(small.value)) or not told
    assert ("signals" in event_of(large).extensions) == (told and bool(signals))
    again = out.write("yard", seen, verdict)
    assert kafka_event("yard", seen, verdict, again) == large
    assert mqtt_event("yard", seen, verdict, again, topic=TOPIC) == small
