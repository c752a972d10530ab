"""Picks go out as they came: the picture's own bytes, names that are the same each time and never lead anywhere."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from streamsel.data import Box, Decision, Frame, Mark
from streamsel.decode.picture import StillPicture
from streamsel.errors import SinkError
from streamsel.ingest.emitting import FolderOutput, TopicOutput, dead_letter
from streamsel.ingest.pictures import Opened, Pictures
from streamsel.lanes.deciding import Span
from streamsel.lanes.lane import Verdict
from streamsel.signals.crops import crop
from streamsel.sink.picture_file import encode
from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from streamsel.topic.incoming import Incoming
from streamsel.topic.pick_record import HEADERS, Content, wire_bytes

DATA = b"\xff\xd8 the very bytes \xff\xd9"
VECTOR = np.ones(3, np.float32)
FILE = io.BytesIO()
Image.new("RGB", (8, 8)).save(FILE, "JPEG")
JPEG = FILE.getvalue()
VERDICT = Verdict(Decision(True, "ratio", 0.5, 3, {"DIVERSITY": 0.25}), 4, {"METADATA speed": 3})


def opened(name="", offset=17, partition=3, reference="", data=DATA, part=0):
    """A picture, or with part above 0 a frame of a segment."""
    headers = Event("e1", "cam", "frame", subject=name, dataref=reference).headers()
    message = Message(partition, offset, b"cam", None if reference else data, headers, 1_700_000_000_000)
    carried = Incoming("frames").carried(message)
    picture = StillPicture(np.full((4, 6, 3), part, np.uint8))
    called = f"{carried.name}-{part}.png" if part else carried.name
    mark = Mark("cam", part or offset, 40 * part, Fraction(1, 1000), 0, called)
    content = None if part else Content(data, "image/jpeg", reference)
    return Opened(message, carried, Frame(mark, picture), picture.rgb(2, 2), content, part)


def topic_output(**options):
    return TopicOutput("picks", origin="frames", model="m", **options)


def sent(one, **options):
    ((topic, record),) = topic_output(**options).pick(one, VERDICT, VECTOR)
    assert topic == "picks"
    return record, Event.from_headers(record.headers)


def test_a_picture_travels_unchanged_with_why_it_was_picked():
    record, event = sent(opened("day/a.jpg"))
    assert (record.key, record.value) == (b"cam", DATA)
    assert (event.subject, event.source, event.content_type) == ("day/a.jpg", "cam", "image/jpeg")
    assert event.extensions["reason"] == "ratio"
    assert event.extensions["ordinal"] == "4"
    assert json.loads(event.extensions["gains"]) == {"DIVERSITY": 0.25}
    assert json.loads(event.extensions["signals"]) == {"METADATA speed": 3}


def test_a_pick_of_a_window_says_of_which(tmp_path):
    begin = 1_700_000_040
    verdict = replace(VERDICT, window=Span(begin, begin + 60), order=2)
    ((_, record),) = topic_output().pick(opened("a.jpg"), verdict, np.empty(0, np.float32))
    said = Event.from_headers(record.headers).extensions
    assert said["windowbegin"] == "2023-11-14T22:14:00+00:00"
    assert said["windowend"] == "2023-11-14T22:15:00+00:00"
    assert said["windoworder"] == "2"
    output = FolderOutput(tmp_path, origin="frames", model="m")
    output.pick(opened("a.jpg"), verdict, np.empty(0, np.float32))
    told = json.loads((tmp_path / "3" / "17_a.jpg.json").read_text())
    assert told["window"] == {"begin": said["windowbegin"], "end": said["windowend"], "order": 2}


def test_ids_are_the_same_each_time_and_of_one_frame():
    first = sent(opened("a.jpg"))[1].id
    assert sent(opened("a.jpg"))[1].id == first
    assert sent(opened("a.jpg", offset=99))[1].id == first  # a camera that sends a picture twice
    segment = {sent(opened("a.mp4", reference="a.mp4", part=part))[1].id for part in (1, 2, 3)}
    assert len({first, *segment}) == 4
    other = TopicOutput("picks", origin="frames", model="other")
    assert Event.from_headers(other.pick(opened("a.jpg"), VERDICT, VECTOR)[0][1].headers).id != first


SAID = st.tuples(st.sampled_from(["cam1", "cam2"]), st.sampled_from(["1", "2"]), st.sampled_from(["", "a.jpg"]))


def picked(said, offset, hour):
    """The id of a pick of a picture. said: source, id and subject of its event."""
    source, id_, subject = said
    event = Event(id_, source, "frame", time=datetime(2026, 1, 31, hour, tzinfo=UTC), subject=subject)
    with Pictures(Incoming("frames"), (8, 8)) as pictures:
        (one,) = pictures.opened([Message(offset % 3, offset, b"cam", JPEG, event.headers(), 1000 * hour)])
    return sent(one)[1].id


@settings(max_examples=30)
@given(SAID, SAID, st.integers(0, 9), st.integers(0, 23))
def test_an_event_that_is_sent_again_is_known_again_and_no_other(one, other, offset, hour):
    assert (picked(one, offset, hour) == picked(other, 0, 12)) == (one == other)


def test_records_without_an_event_are_what_they_are_by_their_place():
    with Pictures(Incoming("frames"), (8, 8)) as pictures:
        found = pictures.opened(
            [Message(0, offset, b"cam", JPEG, (), time) for offset, time in ((5, 0), (6, 0), (5, 9))]
        )
        assert len({sent(one)[1].id for one in found}) == 3


def test_a_large_picture_is_referred_to_where_it_came_from():
    record, event = sent(opened(), limit=5)
    assert record.value is None
    assert event.dataref == "kafka:frames/3/17"
    assert event.sha256 == hashlib.sha256(DATA).hexdigest()
    record, event = sent(opened(reference="day/a.jpg"), limit=5)
    assert (record.value, event.dataref) == (None, "day/a.jpg")
    assert sent(opened(reference="day/a.jpg"))[0].value == DATA


def test_or_where_claims_are_kept(tmp_path):
    output = topic_output(limit=5, claims=tmp_path / "claims")
    ((_, record),) = output.pick(opened("day/ä 1.jpg"), VERDICT, VECTOR)
    output.flush()
    event = Event.from_headers(record.headers)
    assert (tmp_path / "claims" / unquote(event.dataref)).read_bytes() == DATA
    assert event.sha256 == hashlib.sha256(DATA).hexdigest()
    assert record.value is None


def test_a_reference_is_relative_to_the_claims_where_there_are_some(tmp_path):
    record, event = sent(opened(reference="day/a.jpg"), limit=5, claims=tmp_path)
    assert (record.value, event.dataref) == (None, "3/17_frames-3-17.jpg")
    assert (tmp_path / event.dataref).read_bytes() == DATA


def test_a_frame_of_a_segment_becomes_a_jpeg(tmp_path):
    record, event = sent(opened("seg/a.mp4", reference="a.mp4", part=2))
    assert record.value.startswith(b"\xff\xd8")
    assert (event.subject, event.content_type) == ("seg/a.mp4-2.png", "image/jpeg")
    record, event = sent(opened("seg/a.mp4", reference="a.mp4", part=2), limit=5, claims=tmp_path)
    assert (tmp_path / unquote(event.dataref)).exists()
    assert event.content_type == "image/jpeg"


@pytest.mark.parametrize("digest", ["", "ab" * 32])
def test_or_else_it_is_referred_to_in_its_segment(digest):
    segment = opened("seg/a.mp4", reference="day/a.mp4", part=2)
    segment = replace(segment, carried=replace(segment.carried, sha256=digest))
    record, event = sent(segment, limit=5)
    assert (record.value, event.dataref, event.content_type) == (None, "day/a.mp4", "video/mp4")
    assert (event.sha256, event.extensions["index"], event.extensions["pts"]) == (digest, "2", "80")
    assert event.subject == "seg/a.mp4-2.png"


BOX = Box(1.0, 0.5, 2.0, 2.0, "car", 0.5, 7, "cars")
OBJECT = replace(VERDICT, box=BOX)


def crop_of(one, padding):
    return encode(crop(one.frame.picture, BOX, padding), "jpg")


@pytest.mark.parametrize("padding", [0.0, 0.5])
def test_of_an_object_its_crop_travels(padding):
    for one, name in ((opened("day/a.png"), "day/a.png"), (opened("a.mp4", reference="a.mp4", part=2), "a.mp4-2.png")):
        ((_, record),) = topic_output(padding=padding).pick(one, OBJECT, VECTOR)
        event = Event.from_headers(record.headers)
        assert record.value == crop_of(one, padding)
        assert (event.subject, event.content_type) == (f"{name}-7", "image/jpeg")
        assert event.extensions["box"] == "[1.0,0.5,2.0,2.0]"
        assert event.extensions["label"] == "car"
        assert (event.dataref, event.sha256) == ("", "")


def test_each_object_of_a_frame_has_an_id_of_its_own():
    one, other = (replace(VERDICT, box=replace(BOX, index=number)) for number in (1, 2))
    again = replace(VERDICT, box=replace(BOX, index=1, task="vans"))
    for source in (opened("a.jpg"), opened("a.mp4", reference="a.mp4", part=2)):
        records = [topic_output().pick(source, verdict, VECTOR)[0][1] for verdict in (VERDICT, one, other, again)]
        assert len({Event.from_headers(record.headers).id for record in records}) == 4


def test_a_large_crop_is_claimed_or_its_picture_is_referred_to(tmp_path):
    def told(one, **options):
        ((_, record),) = topic_output(limit=5, **options).pick(one, OBJECT, VECTOR)
        assert record.value is None
        event = Event.from_headers(record.headers)
        return event.dataref, event.content_type, event.sha256

    segment, digest = opened("seg/a.mp4", reference="day/a.mp4", part=2), hashlib.sha256(DATA).hexdigest()
    assert told(opened()) == ("kafka:frames/3/17", "image/jpeg", digest)
    assert told(opened(reference="day/a.jpg")) == ("day/a.jpg", "image/jpeg", digest)
    assert told(segment) == ("day/a.mp4", "video/mp4", "")
    for one, name in ((opened("a.png"), "3/17_a.png-7.jpg"), (segment, "")):
        dataref, content_type, digest = told(one, claims=tmp_path)
        data = (tmp_path / unquote(dataref)).read_bytes()
        assert (data, content_type, digest) == (crop_of(one, 0.0), "image/jpeg", hashlib.sha256(data).hexdigest())
        assert name in ("", dataref)


def test_no_record_is_larger_than_topics_were_checked_for():
    name, longest = "\U0001f600" * 512, opened(reference="./" * 2045 + "a.jpg")
    headers = Event("e1", name, "frame", subject=name, dataref=longest.carried.reference).headers()
    message = replace(longest.message, key=b"k" * 1024, headers=headers)
    carried = Incoming("frames").carried(message)
    mark = replace(longest.frame.mark, source=carried.source, name=carried.name)
    one = replace(longest, message=message, carried=carried, frame=replace(longest.frame, mark=mark))
    for size in (10, 100_000):
        verdict = replace(OBJECT, signals={"METADATA weather": "x" * size})
        ((_, record),) = topic_output(limit=5).pick(one, verdict, VECTOR)
        assert wire_bytes(record) <= HEADERS
        assert ("signals" in Event.from_headers(record.headers).extensions) == (size == 10)


def written(folder, *frames):
    output = FolderOutput(folder, origin="frames", model="m")
    for one in frames:
        assert output.pick(one, VERDICT, VECTOR) == ()
    output.flush()
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_gets_the_picture_and_what_is_known_of_it(tmp_path):
    files = written(tmp_path, opened("day/a.jpg"))
    assert sorted(files) == ["3/17_day_a.jpg", "3/17_day_a.jpg.json"]
    assert files["3/17_day_a.jpg"] == DATA
    told = json.loads(files["3/17_day_a.jpg.json"])
    assert (told["name"], told["file"], told["offset"]) == ("day/a.jpg", "3/17_day_a.jpg", 17)
    assert (told["reason"], told["distance"], told["signals"]) == ("ratio", 0.5, {"METADATA speed": 3})
    assert told["taken"] == "2023-11-14T22:13:20+00:00"


def test_writing_again_changes_nothing(tmp_path):
    frames = [opened("a.jpg"), opened("a.jpg", 18), opened("a.mp4", reference="a.mp4", part=1)]
    first = written(tmp_path, *frames)
    assert len(first) == 6
    assert written(tmp_path, *frames) == first


NAMES = st.text(st.characters(codec="utf-8").filter(str.isprintable), max_size=300) | st.from_regex(
    r"(\.\./|/|\.|\\|C:|a|~|con|\.json|\.jpg|-17){1,12}", fullmatch=True
)


@settings(max_examples=30)
@given(st.lists(st.tuples(NAMES, st.integers(0, 2), st.integers(0, 3), st.integers(0, 2)), unique_by=lambda x: x[1:]))
def test_names_stay_in_the_folder_and_no_two_frames_share_one(tmp_path_factory, frames):
    folder = tmp_path_factory.mktemp("out")
    made = [
        opened(name, offset, partition, "r.mp4" if part else "", part=part) for name, partition, offset, part in frames
    ]
    files = written(folder / "picks", *made)
    assert len(files) == 2 * len(frames)
    assert [path.name for path in folder.iterdir()] == ["picks"]
    assert all(len(name.split("/")) == 2 and len(name.encode()) < 258 for name in files)


def test_a_frame_of_a_segment_is_not_taken_for_a_picture(tmp_path):
    assert len(written(tmp_path, opened("x", 5, reference="x.mp4", part=7), opened("x-5", 7))) == 4
    assert len(written(tmp_path / "other", opened("7_x", 5), opened("x", 5, reference="x.mp4", part=7))) == 4


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot write"):
        written(tmp_path / "file", opened())


def test_a_dead_letter_says_why_and_from_where_without_its_bytes():
    message = Message(2, 9, b"cam", b"poison" * 1000, (("ce_subject", b"poison"),))
    topic, record = dead_letter("frames.dlq", "frames", message, "is no\npicture " + "x" * 1000)
    event = Event.from_headers(record.headers)
    assert (topic, record.key) == ("frames.dlq", b"cam")
    assert not record.value
    assert event.extensions == {
        "reason": ("is no picture " + "x" * 1000)[:500],
        "origintopic": "frames",
        "originpartition": "2",
        "originoffset": "9",
    }
    assert record.nbytes < 1000
    assert dead_letter("frames.dlq", "frames", message, "x")[1].headers[1] == record.headers[1]
    assert b"poison" not in b"".join(value for _, value in record.headers)


def test_a_dead_letter_is_small_whatever_came():
    message = Message(2, 9, b"k" * 500_000, None)
    record = dead_letter("frames.dlq", "frames", message, "\ud800" * 1000)[1]
    assert (record.key, Event.from_headers(record.headers).extensions["reason"]) == (b"", "?" * 500)
    assert record.nbytes < 1000


def test_a_folder_that_cannot_be_made_is_told_at_the_start(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match="cannot write"):
        FolderOutput(tmp_path / "file" / "picks", origin="frames", model="m")
