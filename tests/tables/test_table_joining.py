"""Tables and their metadata, and the rows that matter."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import SourceError, UsageError
from streamsel.tables import Objects, Table
from streamsel.tables.joining import joined, relevant, taken
from streamsel.tables.reading import read_table

VECTORS = np.eye(3, dtype=np.float32)


def metadata(*names: str) -> Table:
    n = len(names)
    columns = {
        "number": np.arange(n),
        "share": np.arange(n) / 2,
        "night": np.arange(n) % 2 == 0,
        "weather": np.array([f"sky {name}" for name in names], object),
        "at": np.arange(n).astype("M8[us]"),
        "n.car": np.arange(n),
    }
    ends = np.arange(1, n + 1)
    objects = {"yolo": Objects(np.arange(2 * n, dtype=np.float32).reshape(n, 2), ends)}
    return Table(names, columns=columns, objects=objects, classes={"n": ("car",)})


def test_rows_are_found_by_name():
    table = joined(Table(["c", "a", "x"], VECTORS), metadata("a", "b", "c"))
    assert table.names == ["c", "a", "x"]
    assert np.array_equal(table.vectors, VECTORS)
    assert table.labels("number").tolist() == [2, 0, None]
    assert table.labels("share").tolist() == [1, 0, None]
    assert table.labels("night").tolist() == [True, True, None]
    assert table.labels("weather").tolist() == ["sky c", "sky a", None]
    assert table.labels("at")[2] is None
    assert table.counts("n")[0].tolist() == [[2], [0], [0]]
    assert table.objects["yolo"].rows.tolist() == [[4, 5], [0, 1]]
    assert table.objects["yolo"].ends.tolist() == [1, 2, 2]


def test_rows_without_names_are_joined_in_order():
    table = joined(Table(["0", "1", "2"], VECTORS, named=False), metadata("a", "b", "c"))
    assert (list(table.names), table.named) == (["a", "b", "c"], True)
    assert np.array_equal(table.vectors, VECTORS)
    with pytest.raises(UsageError, match="the table has 3 rows, its metadata 2"):
        joined(Table(["0", "1", "2"], VECTORS, named=False), metadata("a", "b"))


def test_metadata_count_more_and_may_bring_the_vectors():
    table = Table(["a", "b", "c"], columns={"number": np.zeros(3), "own": np.ones(3)})
    more = metadata("a", "b", "c")
    assert joined(table, more).columns["number"].tolist() == [0, 1, 2]
    assert "own" in joined(table, more).columns
    assert np.array_equal(joined(table, Table(["c", "b", "a"], VECTORS)).vectors, VECTORS[::-1])
    with pytest.raises(UsageError, match=r'row 2 \("c"\) has no vector'):
        joined(table, Table(["a", "b"], VECTORS[:2]))
    with pytest.raises(UsageError, match="both hold vectors"):
        joined(Table(["a"], VECTORS[:1]), Table(["a"], VECTORS[:1]))
    with pytest.raises(UsageError, match='no row is named alike in the table \\("a"\\) and its metadata \\("x"\\)'):
        joined(table, metadata("x"))


@given(st.lists(st.integers(0, 4), max_size=5), st.data())
def test_what_is_taken_is_there(lengths, data):
    n = len(lengths) + 1
    lengths = np.array([1, *lengths])
    rows = np.arange(lengths.sum() * 2, dtype=np.float32).reshape(-1, 2)
    table = Table(list(map(str, range(n))), None, {"x": np.arange(n)}, {"o": Objects(rows, np.cumsum(lengths))})
    places = data.draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True))
    part = taken(table, np.array(places))
    assert part.columns["x"].tolist() == places
    parts = np.split(rows, np.cumsum(lengths))[:-1]
    assert np.array_equal(part.objects["o"].rows, np.concatenate([parts[place] for place in places]))
    assert np.diff(part.objects["o"].ends, prepend=0).tolist() == lengths[places].tolist()


def test_relevant_rows_keep_their_order():
    table = Table(["a", "b", "c"], VECTORS)
    assert relevant(table, lambda name: name != "b").names == ["a", "c"]
    assert relevant(table, lambda name: True) is table
    with pytest.raises(UsageError, match="none of the 3 rows is relevant"):
        relevant(table, lambda name: False)


def test_npy_with_metadata_of_each_kind(tmp_path):
    np.save(tmp_path / "v.npy", VECTORS)
    (tmp_path / "m.csv").write_text("filename,weather\na,rain\nb,sun\nc,\n")
    (tmp_path / "m.jsonl").write_text('{"weather": "rain"}\n{"weather": "sun"}\n{}\n')
    for name, names in (("m.csv", ["a", "b", "c"]), ("m.jsonl", ["0", "1", "2"])):
        table = read_table(tmp_path / "v.npy", metadata=tmp_path / name)
        assert list(table.names) == names
        assert table.columns["weather"].tolist() == ["rain", "sun", None]
    (tmp_path / "m.csv").write_text("filename,weather\na,rain\n")
    with pytest.raises(SourceError, match=r"v.npy: the table has 3 rows, its metadata 1"):
        read_table(tmp_path / "v.npy", metadata=tmp_path / "m.csv")


def test_picks_of_an_earlier_run(tmp_path):
    from fractions import Fraction

    from streamsel.data import Decision, Mark
    from streamsel.sink.embeddings import write_embeddings
    from streamsel.sink.manifest import manifest_record, write_manifest

    signals = [{"weather": "rain", "n": {"car": 1}, "time": 7}, {"weather": None, "n": {"dog": 2}, "time": 8}]
    records = [
        manifest_record(
            [Mark("a.mp4", index, index * 10, Fraction(1, 10))],
            Decision(True, "greedy", 0.5, gains={"DIVERSITY": index + 1.0}),
            f"a-{index}-mp4",
            [f"frames/a-{index}-mp4.jpg"],
            signals=known,
        )
        for index, known in enumerate(signals)
    ]
    write_manifest(tmp_path, records)
    write_embeddings(tmp_path, VECTORS[:2], 3)
    table = read_table(tmp_path)
    assert table.names == ["a-0-mp4", "a-1-mp4"]
    assert np.array_equal(table.vectors, VECTORS[:2])
    assert table.labels("weather").tolist() == ["rain", None]
    assert table.counts("n")[0].tolist() == [[1, 0], [0, 2]]
    assert table.numbers("time").tolist() == [0, 1]
    assert table.numbers("signals.time").tolist() == [7, 8]
    assert table.numbers("gains.DIVERSITY").tolist() == [1, 2]
    assert json.dumps(table.labels("source").tolist()) == '["a.mp4", "a.mp4"]'
    write_embeddings(tmp_path, VECTORS, 3)
    with pytest.raises(SourceError, match=r"embeddings.npy has 3 rows and the manifest 2"):
        read_table(tmp_path)
