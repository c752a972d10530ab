"""What records carry, by their headers or without any; what cannot be used is one clear line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from streamsel.topic.incoming import Incoming, PoisonError

JPEG = b"\xff\xd8\xff\xe0"
TASKS = ("cars", "trams")


def message(value=JPEG, headers=(), key=b"cam1", timestamp=1_700_000_000_000):
    return Message(3, 17, key, value, tuple(headers), timestamp)


def event(**said):
    return Event("e1", "/cameras/1", "frame", **said).headers()


def test_a_plain_record_is_a_picture_named_by_its_place():
    carried = Incoming("frames").carried(message())
    assert (carried.kind, carried.data, carried.reference) == ("picture", JPEG, "")
    assert carried.name == "frames-3-17.jpg"
    assert carried.source == "cam1"
    assert (carried.epoch, carried.lasting, carried.subject) == ("frames-3-17", False, "")
    assert carried.time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_headers_say_more():
    when = datetime(2026, 1, 31, 12, tzinfo=UTC)
    headers = event(time=when, subject="day/0001.jpg", content_type="image/jpeg", sha256="AB" * 32)
    carried = Incoming("frames").carried(message(headers=headers))
    assert (carried.name, carried.source, carried.epoch) == ("day/0001.jpg", "/cameras/1", "e1")
    assert (carried.subject, carried.lasting) == ("day/0001.jpg", True)
    assert (carried.time, carried.sha256, carried.key) == (when, "ab" * 32, b"cam1")


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe", b"a\nb", b"x" * 600])
def test_a_key_that_is_no_name_is_only_a_key(key):
    carried = Incoming("frames").carried(message(key=key))
    assert carried.source == "frames"
    assert carried.key == (key or b"")


@pytest.mark.parametrize(
    ("dataref", "content_type", "kind"),
    [
        ("a.jpg", "", "picture"),
        ("a.mp4", "", "segment"),
        ("a.bin", "video/mp4", "segment"),
        ("a.mp4", "image/png", "picture"),
        ("a.mkv", "application/octet-stream", "segment"),
        ("a", "", "picture"),
    ],
)
def test_a_reference_is_of_a_picture_or_of_a_segment(dataref, content_type, kind):
    headers = event(dataref=dataref, content_type=content_type)
    carried = Incoming("frames").carried(message(None, headers))
    assert (carried.kind, carried.reference, carried.data) == (kind, dataref, None)
    assert carried.name == ("frames-3-17.jpg" if kind == "picture" else "frames-3-17.mp4")


def test_what_is_expected_decides_where_nothing_tells():
    headers = event(dataref="a")
    assert Incoming("frames", holds="segments").carried(message(None, headers)).kind == "segment"
    assert Incoming("frames", holds="pictures").carried(message(None, headers)).kind == "picture"
    with pytest.raises(PoisonError, match="only pictures"):
        Incoming("frames", holds="pictures").carried(message(None, event(dataref="a.mp4")))
    with pytest.raises(PoisonError, match="only segments"):
        Incoming("frames", holds="segments").carried(message(None, event(dataref="a.jpg")))
    with pytest.raises(ValueError, match="holds must be one of"):
        Incoming("frames", holds="all")


@pytest.mark.parametrize(
    ("value", "headers", "told"),
    [
        (b"", (), "is empty"),
        (None, (), "is empty"),
        (b"x" * 1001, (), "1001 bytes are more than the 1000"),
        (JPEG, event(content_type="video/mp4"), "a video in the record itself"),
        (JPEG, event(content_type="application/json"), "neither a picture nor a video"),
        (JPEG, [("content-type", b"text/plain; charset=utf-8")], "neither a picture nor a video"),
        (JPEG, event(subject="a\x00b.jpg"), "do not print"),
        (JPEG, event(subject="a\nb.jpg"), "do not print"),
        (JPEG, event(subject="a" * 513), "513 characters"),
        (JPEG, [*event(), ("ce_source", b" " * 400_000)], "ce_source has 400000 characters"),
        (None, event(dataref="./" * 100_000 + "a.jpg"), "ce_dataref has 200005 bytes"),
        (JPEG, [("ce_specversion", b"9")], "ce_specversion"),
        (JPEG, [("ce_specversion", b"1.0")], "needs id"),
        (JPEG, [*event(), ("ce_time", b"yesterday")], "ce_time"),
        (JPEG, [*event(), ("ce_subject", b"\xff")], "UTF-8"),
        (JPEG, [("metadata", b"{")], "metadata must be a JSON object"),
        (JPEG, [("metadata", b"[1]")], "metadata must be a JSON object"),
        (JPEG, [("metadata", b"\xff")], "metadata must be a JSON object"),
        (JPEG, [("metadata", b'{"a": NaN}')], "metadata must be a JSON object"),
        (JPEG, [("metadata", b'{"a": 1e999}')], "metadata must be a JSON object"),
        (JPEG, [("metadata", b'{"a": ' + b"9" * 30 + b"}")], "metadata must be a JSON object"),
        (JPEG, [("metadata", b'{"a": ' + b"9" * 5000 + b"}")], "metadata must be a JSON object"),
        (JPEG, [("metadata", b'{"a":' + b"[" * 30_000)], "metadata must be a JSON object"),
        (JPEG, [("metadata", b'{"weather": "\\ud800"}')], "no text has"),
        (JPEG, [("metadata", b'{"\\udfff": 1}')], "no text has"),
        (JPEG, [("metadata", b'{"\\udfff": [[9e999]]}')], "no text has"),
        (JPEG, [("metadata", b'{"a\\nb": 9e999}')], "too large"),
        (JPEG, [("metadata", b'{"weather": "rain\\u0000"}')], "no text has"),
        (JPEG, [("metadata", b'{"weather": "' + b"x" * 513 + b'"}')], "513 characters"),
        (JPEG, [("metadata", b'{"' + b"x" * 300 + b'": {"' + b"x" * 300 + b'": 1}}')], "601 characters"),
        (JPEG, [("metadata", b"1" * 70_000)], "70000 bytes"),
        (JPEG, [("metadata", json.dumps(dict.fromkeys(map(str, range(300)), 1)).encode())], "300 values"),
        (JPEG, [("predictions", b"{")], "predictions must be a JSON object"),
        (JPEG, [("predictions", b"[]")], "predictions must be a JSON object"),
        (JPEG, [("predictions", b"\xff")], "predictions must be a JSON object"),
        (JPEG, [("predictions", b'{"cars": {"predictions": []}}')], "holds a dict"),
        (JPEG, [("predictions", b'{"a":' + b"[" * 30_000)], "predictions must be a JSON object"),
        (JPEG, [("predictions", b'{"cars": [' + b"9" * 5000 + b"]}")], "predictions must be a JSON object"),
        (JPEG, [("predictions", b" " * 262_145)], "predictions of 262145 bytes, more than 262144"),
        (JPEG, [("predictions", json.dumps({"cars": [1] * 300, "trams": [1]}).encode())], "301 predictions of a"),
        (JPEG, [("predictions", b'{"other":' + b"[" * 32 + b"1" + b"]" * 32 + b"}")], "more than 32 deep"),
        (JPEG, [("metadata", b'{"other":' + b"[" * 32 + b"1" + b"]" * 32 + b"}")], "more than 32 deep"),
        (None, [*event(dataref="a.mp4"), ("predictions", b'{"cars": []}')], "tells of one picture"),
    ],
)
def test_poison_is_one_line_that_says_why(value, headers, told):
    with pytest.raises(PoisonError, match=told) as error:
        Incoming("frames", largest=1000, tasks=TASKS).carried(message(value, headers))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300


def test_a_key_of_any_size_is_no_key():
    assert Incoming("frames").carried(message(key=b"x" * 1024)).key == b"x" * 1024
    with pytest.raises(PoisonError, match="key has 1025 bytes, more than 1024"):
        Incoming("frames").carried(message(key=b"x" * 1025))


def test_metadata_travels_by_dotted_keys():
    text = b'{"speed": 3.5, "wet": true, "gps": {"lat": 1, "of": ["a", {"b": null}]}, "note": null}'
    wanted = {"speed": 3.5, "wet": True, "gps.lat": 1, "gps.of.0": "a"}
    assert Incoming("frames").carried(message(headers=[("metadata", text)])).metadata == wanted
    extension = Event("e1", "s", "t", extensions={"metadata": text.decode()}).headers()
    assert Incoming("frames").carried(message(headers=extension)).metadata == wanted


def test_predictions_of_tasks_that_are_read_travel():
    wanted = {"cars": [{"category_id": 0, "bbox": [1, 2, 3, 4], "score": 0.5}], "trams": []}
    text = json.dumps({**wanted, "none": {"a": 1}, "many": [1] * 400}).encode()
    incoming = Incoming("frames", tasks=TASKS)
    assert incoming.carried(message(headers=[("predictions", text)])).predictions == wanted
    extension = Event("e1", "s", "t", extensions={"predictions": text.decode()}).headers()
    assert incoming.carried(message(headers=extension)).predictions == wanted
    assert incoming.carried(message()).predictions == {}
    assert incoming.carried(message(None, [*event(dataref="a.mp4"), ("predictions", b'{"x": 1}')])).predictions == {}


@pytest.mark.parametrize("text", [b"{", b"0.93", b"\xff", b" " * 300_000, b'{"cars": 7}', b"[" * 30_000])
def test_a_header_of_that_name_is_the_producers_own_where_no_task_is_read(text):
    headers = [("predictions", text)]
    assert Incoming("frames").carried(message(headers=headers)).predictions == {}
    with pytest.raises(PoisonError):
        Incoming("frames", tasks=TASKS).carried(message(headers=headers))


def below(frames, made):
    """What is made so many frames further down the stack."""
    return below(frames - 1, made) if frames else made()


@pytest.mark.parametrize("header", ["predictions", "metadata"])
def test_what_is_poison_does_not_hang_on_who_reads_it(header):
    """A record is read again when what is owed is sent, and then by others."""
    incoming = Incoming("frames", tasks=TASKS)
    for deep in [*range(25, 40), *range(300, 600, 25), *range(900, 1001)]:
        told = message(headers=[(header, b'{"other":' + b"[" * deep + b"1" + b"]" * deep + b"}")])

        def carried(told=told):
            try:
                return str(incoming.carried(told))
            except PoisonError as poison:
                return str(poison)

        found = {below(frames, carried) for frames in (0, 1, 2, 5, 300)}
        assert len(found) == 1
        assert ("more than 32 deep" in found.pop()) == (deep >= 32)


NAMES = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_dataref", "CE_ID"]
TEXTS = [b"1.0", b"image/jpeg", b"video/mp4", b"a.mp4", b"{}", b"2026-01-31"]
HEADERS = st.tuples(
    st.sampled_from([*NAMES, "content-type", "metadata", "predictions", "x"]),
    st.binary(max_size=12) | st.sampled_from(TEXTS),
)


@given(
    value=st.none() | st.binary(max_size=30),
    key=st.none() | st.binary(max_size=8),
    headers=st.lists(HEADERS, max_size=8),
    timestamp=st.integers(-(2**63), 2**63 - 1),
)
def test_whatever_comes_is_carried_or_poison(value, key, headers, timestamp):
    incoming = Incoming("frames", tasks=TASKS)
    try:
        carried = incoming.carried(message(value, headers, key, timestamp))
    except PoisonError:
        return
    assert carried.name
    assert carried.name.isprintable()
    assert carried.source
    assert (carried.data is None) == bool(carried.reference)
