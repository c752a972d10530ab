from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import SinkError
from streamsel.sink.decisions import DECISIONS, write_decisions
from streamsel.sink.embeddings import write_embeddings
from streamsel.sink.json_file import json_line, plain, write_json
from streamsel.sink.manifest import MANIFEST, manifest_record, write_manifest
from streamsel.sink.sequences import sequence_entry, write_sequences
from streamsel.sink.table_file import ROW_GROUP
from streamsel.testing.sinks import flat_pick

FIELDS = [
    "id",
    "source",
    "index",
    "pts",
    "time",
    "sequence",
    "distance",
    "nearest",
    "gains",
    "reason",
    "signals",
    "file",
]


def record(ordinal: int, length: int = 1, files: tuple[str, ...] = ("a.jpg",), **more: Any) -> dict[str, Any]:
    pick, _ = flat_pick(ordinal, length)
    decision = replace(pick.decision, gains={"DIVERSITY": 0.25})
    return manifest_record(pick.candidate.marks, decision, f"id-{ordinal}", files, **more)


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "manifest.parquet").to_pylist(maps_as_pydicts="strict")
    return [{**row, "signals": json.loads(row["signals"])} for row in rows]


def decisions(count: int) -> Iterator[dict[str, Any]]:
    for i in range(count):
        yield {
            "source": "a.mp4", "first": i, "last": i, "pts": 3600 * i, "time": i / 25, "count": 1,
            "decision": "drop", "reason": "near", "distance": math.inf if i == 0 else 0.5, "nearest": i - 1,
        }  # fmt: skip


def test_a_line_of_the_manifest_has_the_promised_fields_in_order(tmp_path: Path) -> None:
    write_manifest(tmp_path, [record(0, signals={"sharpness": 3.5})])
    (line,) = lines_of(tmp_path)
    assert list(line) == FIELDS
    assert line["distance"] is None
    assert (line["time"], line["gains"], line["signals"]) == (0.0, {"DIVERSITY": 0.25}, {"sharpness": 3.5})


def test_lines_and_table_say_the_same(tmp_path: Path) -> None:
    records = [
        record(0),
        record(1, signals={"luminance": math.nan}),
        record(2, length=2, files=("a.jpg", "b.jpg"), sequence=10),
        record(3, length=2, files=("clip.mp4",), sequence=15, index_exact=False),
        record(4, files=()),
    ]
    write_manifest(tmp_path, iter(records))
    absent = {"frames": None, "index_exact": True}
    assert rows_of(tmp_path) == [{**absent, **line} for line in lines_of(tmp_path)]
    assert len(rows_of(tmp_path)) == len(records)
    assert pq.read_schema(tmp_path / "manifest.parquet").equals(MANIFEST)


def test_each_frame_of_a_sequence_says_where_it_is() -> None:
    pictures = record(2, length=2, files=("a.jpg", "b.jpg"))
    assert [frame["file"] for frame in pictures["frames"]] == ["a.jpg", "b.jpg"]
    assert [frame["index"] for frame in pictures["frames"]] == [20, 21]
    clip = record(2, length=2, files=("clip.mp4",))
    assert [frame["file"] for frame in clip["frames"]] == ["clip.mp4", "clip.mp4"]
    assert clip["file"] == "clip.mp4"
    assert record(2, length=2, files=())["file"] is None


def test_an_index_that_is_no_count_says_so() -> None:
    assert record(0, index_exact=False)["index_exact"] is False
    assert "index_exact" not in record(0)


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_manifest(tmp_path / folder, (record(i) for i in range(3)))
        write_decisions(tmp_path / folder, decisions(100))
    for name in ("manifest.jsonl", "manifest.parquet", "decisions.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_selection_of_nothing_is_a_table_of_nothing(tmp_path: Path) -> None:
    write_manifest(tmp_path, [])
    write_decisions(tmp_path, [])
    write_embeddings(tmp_path, [], 7)
    write_sequences(tmp_path, [])
    assert (tmp_path / "manifest.jsonl").read_bytes() == b""
    assert rows_of(tmp_path) == []
    assert pq.read_schema(tmp_path / "decisions.parquet").equals(DECISIONS)
    assert np.load(tmp_path / "embeddings.npy").shape == (0, 7)


def test_decisions_are_written_in_groups_and_read_back_in_order(tmp_path: Path) -> None:
    count = 2 * ROW_GROUP + 5
    write_decisions(tmp_path, decisions(count))
    file = pq.ParquetFile(tmp_path / "decisions.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [ROW_GROUP, ROW_GROUP, 5]
    table = file.read()
    assert table["first"].to_pylist() == list(range(count))
    assert table["distance"].slice(0, 2).to_pylist() == [None, 0.5]


def test_a_source_whose_name_is_no_text_is_written(tmp_path: Path) -> None:
    row = next(decisions(1)) | {"source": "a\udcff.mp4"}
    write_decisions(tmp_path, [row])
    assert pq.read_table(tmp_path / "decisions.parquet")["source"].to_pylist() == ["a\\udcff.mp4"]


@pytest.mark.parametrize("count", [0, 1, 12345])
def test_embeddings_are_the_bytes_of_numpy(tmp_path: Path, count: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((count, 5)).astype(np.float32)
    write_embeddings(tmp_path, iter(vectors), 5)
    expected = io.BytesIO()
    np.save(expected, vectors)
    assert (tmp_path / "embeddings.npy").read_bytes() == expected.getvalue()


def test_an_embedding_of_another_shape_leaves_no_file(tmp_path: Path) -> None:
    rows = [np.zeros(3, np.float32), np.zeros(4, np.float32)]
    with pytest.raises(ValueError, match=r"embedding 1 must be \(3,\) float32, got \(4,\) float32"):
        write_embeddings(tmp_path, rows, 3)
    assert list(tmp_path.iterdir()) == []


def test_sequence_information_has_the_keys_its_readers_know(tmp_path: Path) -> None:
    marks = flat_pick(1, length=2)[0].candidate.marks
    still = replace(marks[0], name="a.jpg")
    write_sequences(
        tmp_path, [sequence_entry(marks, ["x-10-mp4.png", "x-11-mp4.png"]), sequence_entry([still], ["a.jpg"])]
    )
    assert json.loads((tmp_path / "sequence_information.json").read_text()) == [
        {
            "video_name": "sub/video_1.mp4",
            "frame_names": ["x-10-mp4.png", "x-11-mp4.png"],
            "frame_timestamps_pts": [36000, 39600],
            "frame_timestamps_sec": [0.4, 0.44],
            "frame_indices": [10, 11],
        },
        {"filenames": ["a.jpg"]},
    ]


def test_a_full_disk_leaves_no_half_table(small_disk: Path) -> None:
    large = (np.zeros(1000, np.float32) for _ in range(1000))
    with pytest.raises(SinkError, match=r"embeddings\.npy"):
        write_embeddings(small_disk, large, 1000)
    long = (record(i) | {"reason": str(np.random.default_rng(i).bytes(500))} for i in range(5000))
    with pytest.raises(SinkError, match=r"manifest\."):
        write_manifest(small_disk, long)
    noise = (row | {"reason": str(np.random.default_rng(i).bytes(100))} for i, row in enumerate(decisions(20000)))
    with pytest.raises(SinkError, match=r"decisions\.parquet"):
        write_decisions(small_disk, noise)
    assert list(small_disk.iterdir()) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_json_is_one_line_that_reads_back_to_what_is_plain(value: object) -> None:
    line = json_line(value)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == plain(value)
    assert json_line(json.loads(line)) == line


def test_json_takes_numpy_and_paths_and_refuses_the_rest(tmp_path: Path) -> None:
    value = {"a": np.float32(0.5), "b": np.arange(2), "c": Path("x"), "d": (math.inf, np.nan), 3: np.bool_(True)}
    write_json(tmp_path / "summary.json", value)
    assert json.loads((tmp_path / "summary.json").read_text()) == {
        "a": 0.5, "b": [0, 1], "c": "x", "d": [None, None], "3": True,
    }  # fmt: skip
    with pytest.raises(TypeError, match="no JSON for bytes"):
        plain({"a": b"raw"})
