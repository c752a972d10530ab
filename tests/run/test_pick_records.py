"""A pick as records: ids tell streams apart, sequences have their numbers early, names that are no text are sent."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from streamsel.config import SelectConfig
from streamsel.data import Box, Mark
from streamsel.errors import SinkError
from streamsel.run.outgoing import PickRecords
from streamsel.store import Changes, PickRow, Span
from streamsel.store.embedded import SqliteStore

FILE = {"total": 200, "started": [], "size": 1000, "stretches": [[0, 10, 0]]}
LIVE = {
    "total": 0,
    "started": [[0, "20260101T000000Z"], [50, "20260102T000000Z"]],
    "size": None,
    "stretches": [[0, 0, 0]],
}


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "state.db")
    yield made
    made.close()


@pytest.fixture
def records(store, tmp_path):
    def make(**how):
        config = SelectConfig.of(sources="x", kafka="a:1/b", kafka_config=how)
        return PickRecords(config, tmp_path, "model", store)

    return make


def mark(index: int, pts: int, source: str = "v.mp4", name: str = "") -> Mark:
    return Mark(source, index, pts, Fraction(1, 25), 0, name)


def pick(tmp_path, *marks: Mark, row: int = 10, box: Box | None = None, kind: str = "jpg") -> PickRow:
    files = tuple(f"{number}.{kind}" for number in range(len(marks) + (box is not None)))
    for file in files:
        (tmp_path / file).write_bytes(file.encode() * 100)
    return PickRow(0, row, marks, "first", np.inf, -1, {}, np.zeros(0, np.float32), files, {}, box)


def one_id(records, row: PickRow, facts) -> str:
    (made,) = records().of(row, facts)
    return made.id


def test_ids_tell_apart_what_is_not_the_same_frame(records, tmp_path):
    boxes = [Box(0, 0, 1, 1, "car", 1.0, index, "cars") for index in range(2)]
    ids = [
        one_id(records, pick(tmp_path, mark(3, 7)), FILE),
        one_id(records, pick(tmp_path, mark(3, 8)), FILE),
        one_id(records, pick(tmp_path, mark(4, 7)), FILE),
        one_id(records, pick(tmp_path, mark(3, 7, "w.mp4")), FILE),
        one_id(records, pick(tmp_path, mark(3, 7)), {**FILE, "size": 1001}),
        one_id(records, pick(tmp_path, mark(3, 7, "camera")), LIVE),
        one_id(records, pick(tmp_path, mark(60, 7, "camera")), LIVE),
        one_id(records, pick(tmp_path, mark(3, 7, "stills", "a.jpg")), FILE),
        one_id(records, pick(tmp_path, mark(3, 7, "stills", "b.jpg")), FILE),
        *(one_id(records, pick(tmp_path, mark(3, 7), box=box), FILE) for box in boxes),
    ]
    assert len(set(ids)) == len(ids)


def test_an_id_does_not_depend_on_when_or_how_the_frame_was_picked(records, tmp_path):
    first = pick(tmp_path, mark(3, 7))
    later = PickRow(5, 99, first.marks, "distance", 0.5, 1, {"DIVERSITY": 1.0}, first.vector, first.files)
    assert one_id(records, first, FILE) == one_id(records, later, FILE)


def test_sequences_that_a_filter_turned_away_count_wherever_they_are(records, store, tmp_path):
    away = [Span("v.mp4", first, first + 3, first, 0.0, -1, 4, reason="threshold") for first in (0, 8)]
    row = pick(tmp_path, *(mark(index, index) for index in range(16, 20)), row=12)
    store.commit(Changes(spans=away[:1]))
    made = records().of(row, FILE, [away[1], Span("w.mp4", 4, 7, 4, 0.0, -1, 4)])
    assert [dict(one.headers)["ce_sequencenumber"] for one in made] == [b"4"] * 4
    assert [dict(one.headers)["ce_sequenceplace"] for one in made] == [b"0", b"1", b"2", b"3"]


def test_spans_are_read_once_and_new_ones_count(records, store, tmp_path, monkeypatch):
    """Also of another source between them, and ones that come later before earlier ones."""
    ours, read, query = records(), [], SqliteStore.query

    def counted(*question):
        for row in query(*question):
            read.append(row)
            yield row

    monkeypatch.setattr(SqliteStore, "query", counted)
    away = [Span("v.mp4", first, first + 3, first, 0.0, -1, 4, reason="threshold") for first in range(0, 400, 8)]
    row = pick(tmp_path, *(mark(index, index) for index in range(500, 504)), row=12)
    told = []
    for some in (away[25:], away[:20], [Span("w.mp4", 4, 7, 4, 0.0, -1, 4)], away[20:25], []):
        store.commit(Changes(spans=some))
        told.append({dict(one.headers)["ce_sequencenumber"] for one in ours.of(row, FILE)})
    assert told == [{b"%d" % (2 + count)} for count in (25, 45, 45, 50, 50)]
    assert len([one for one in read if len(one) == 2]) == len(away)


def test_a_name_that_is_no_text_can_be_sent(records, tmp_path):
    source = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    (made,) = records().of(pick(tmp_path, mark(0, 0, source)), FILE)
    assert made.key.decode() == "caf\ufffd.mp4"
    assert all(value.decode() for _, value in made.headers)


@pytest.mark.parametrize(
    ("kind", "told"), [("jpg", "image/jpeg"), ("tif", "image/tiff"), ("png", "image/png"), ("mp4", "video/mp4")]
)
def test_a_record_says_what_its_value_is(records, tmp_path, kind, told):
    (made,) = records().of(pick(tmp_path, mark(0, 0), kind=kind), FILE)
    assert dict(made.headers)["content-type"].decode() == told


def test_a_picture_is_sent_itself_up_to_the_limit(records, tmp_path):
    row = pick(tmp_path, mark(0, 0))
    size = (tmp_path / "0.jpg").stat().st_size
    (whole,) = records(inline_limit=size).of(row, FILE)
    (claim,) = records(inline_limit=size - 1).of(row, FILE)
    assert whole.value == (tmp_path / "0.jpg").read_bytes()
    assert claim.value is None
    assert dict(claim.headers)["ce_dataref"] == b"0.jpg"


def test_a_picture_that_was_removed_is_one_line(records, tmp_path):
    row = pick(tmp_path, mark(0, 0))
    (tmp_path / "0.jpg").unlink()
    with pytest.raises(SinkError, match="cannot be read to be sent"):
        records().of(row, FILE)
