"""What is written is read again; what cannot be read is told in one line with the file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamsel.errors import SinkError, SourceError, UsageError
from streamsel.tables import Objects, Table
from streamsel.tables.reading import read_table
from streamsel.tables.writing import write_embeddings_csv, write_parquet

NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
WORD = st.one_of(st.none(), NAME)
FLOAT = st.floats(-1e6, 1e6, width=32)
KINDS = {
    "float": lambda n: arrays(np.float64, n, elements=st.one_of(st.just(np.nan), st.floats(allow_infinity=False))),
    "int": lambda n: arrays(np.int64, n),
    "bool": lambda n: arrays(np.bool_, n),
    "maybe": lambda n: arrays(object, n, elements=st.sampled_from([True, False, None])),
    "word": lambda n: arrays(object, n, elements=WORD),
    "time": lambda n: arrays("M8[us]", n, elements=st.datetimes().map(np.datetime64)),
}


@st.composite
def tables(draw) -> Table:
    names = draw(st.lists(NAME, min_size=1, max_size=12, unique=True))
    n = len(names)
    dim = draw(st.integers(1, 4))
    vectors = draw(st.one_of(st.none(), arrays(np.float32, (n, dim), elements=FLOAT)))
    chosen = draw(st.lists(st.sampled_from(sorted(KINDS)), unique=True))
    columns = {f"meta.{kind}": draw(KINDS[kind](n)) for kind in chosen}
    amounts = {f"count.{name}": draw(KINDS["float"](n)) for name in ("car", "traffic.light")}
    ends = np.cumsum(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    objects = {"yolo": Objects(draw(arrays(np.float32, (int(ends[-1]), 3), elements=FLOAT)), ends)} if ends[-1] else {}
    return Table(names, vectors, {**columns, **amounts}, objects, {"count": ("car", "traffic.light")})


def assert_equal(one: Table, other: Table) -> None:
    assert list(one.names) == list(other.names)
    np.testing.assert_array_equal(one.vectors, other.vectors)
    assert one.columns.keys() == other.columns.keys()
    for key in one.columns:
        kinds = {one.columns[key].dtype.kind, other.columns[key].dtype.kind}
        assert len(kinds) == 1 or kinds == {"b", "O"}, key  # booleans of which none is missing
        np.testing.assert_array_equal(one.columns[key], other.columns[key])
    assert one.objects.keys() == other.objects.keys()
    for task in one.objects:
        np.testing.assert_array_equal(one.objects[task].rows, other.objects[task].rows)
        np.testing.assert_array_equal(one.objects[task].ends, other.objects[task].ends)
    assert dict(one.classes) == dict(other.classes)


@given(tables())
@settings(max_examples=60)
def test_parquet_gives_the_same_table(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("t") / "t.parquet"
    write_parquet(table, path)
    assert_equal(read_table(path, normalize=False), table)


@given(tables())
@settings(max_examples=40)
def test_an_embeddings_csv_gives_the_same_vectors(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    if table.vectors is None:
        with pytest.raises(UsageError, match="holds no vectors"):
            write_embeddings_csv(table, path)
        return
    write_embeddings_csv(table, path)
    dim = table.vectors.shape[1]
    with path.open(encoding="utf-8", newline="") as file:
        header = ["filenames", *(f"embedding_{place}" for place in range(dim)), "labels"]
        assert file.readline() == ",".join(header) + "\n"
    found = read_table(path, normalize=False)
    assert list(found.names) == list(table.names)
    np.testing.assert_array_equal(found.vectors, table.vectors)
    assert found.columns["labels"].tolist() == [0] * len(table)


def test_many_rows_in_many_blocks(tmp_path):
    rng = np.random.default_rng(0)
    n, ends = 20_000, np.cumsum(rng.integers(0, 3, 20_000))
    rows = rng.normal(size=(int(ends[-1]), 3)).astype(np.float32)
    columns = {"late": np.array([None] * (n - 1) + ["x"], object), "selected": np.arange(n) % 2}
    vectors = rng.normal(size=(n, 8)).astype(np.float32)
    table = Table([f"{row}.png" for row in range(n)], vectors, columns, {"yolo": Objects(rows, ends)})
    write_parquet(table, tmp_path / "t.parquet")
    assert_equal(read_table(tmp_path / "t.parquet", normalize=False), table)
    write_embeddings_csv(table, tmp_path / "t.csv")
    found = read_table(tmp_path / "t.csv", normalize=False)
    np.testing.assert_array_equal(found.vectors, vectors)
    np.testing.assert_array_equal(found.columns["selected"], columns["selected"])


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_of_any_float(tmp_path, dtype, order):
    vectors = np.random.default_rng(1).normal(size=(50, 6)).astype(dtype)
    np.save(tmp_path / "v.npy", np.asarray(vectors, order=order))
    before = (tmp_path / "v.npy").read_bytes()
    table = read_table(tmp_path / "v.npy", normalize=False)
    assert not table.named
    np.testing.assert_array_equal(table.vectors, vectors.astype(np.float32))
    assert table.vectors.dtype == np.float32
    unit = read_table(tmp_path / "v.npy")
    np.testing.assert_allclose(np.linalg.norm(unit.vectors, axis=1), 1, rtol=1e-6)
    assert (tmp_path / "v.npy").read_bytes() == before, "reading must never change a file"


@given(arrays(np.float32, (5, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_normalised_once_is_normalised(tmp_path_factory, rows):
    rows[:, 0] += rows[:, 0] == 0
    folder = tmp_path_factory.mktemp("t")
    np.save(folder / "a.npy", rows)
    once = np.array(read_table(folder / "a.npy").vectors)
    np.testing.assert_allclose(np.linalg.norm(once.astype(np.float64), axis=1), 1, atol=1e-6)
    np.save(folder / "b.npy", once)
    np.testing.assert_array_equal(read_table(folder / "b.npy").vectors, once)


def test_a_vector_of_zeros_is_named(tmp_path):
    table = Table(["a", "b"], np.float32([[1, 2], [0, 0]]), {}, {"y": Objects(np.float32([[0, 0]]), np.array([0, 1]))})
    write_parquet(table, tmp_path / "t.parquet")
    with pytest.raises(SourceError, match=r't.parquet: row 1 \("b"\): its vector is all zeros'):
        read_table(tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("filenames,embedding_0\na,1\nb,0\n")
    with pytest.raises(SourceError, match=r't.csv: row 1 \("b"\): its vector is all zeros'):
        read_table(tmp_path / "t.csv")
    write_parquet(Table(table.names, objects=table.objects), tmp_path / "o.parquet")
    with pytest.raises(SourceError, match=r'row 1 \("b"\), object of "y": its vector is all zeros'):
        read_table(tmp_path / "o.parquet")


def test_a_csv_of_any_order_and_kind(tmp_path):
    (tmp_path / "t.csv").write_bytes(
        "\ufeff".encode()
        + b'embedding_1,filenames, embedding_0,masked,sharp,weather,night,labels\r\n2,"a,\n""b""",1,0,1.5,,true,0\r\n'
        b"4,c.png,3,1,,rain,false,0"
    )
    table = read_table(tmp_path / "t.csv", normalize=False)
    assert table.names == ['a,\n"b"', "c.png"]
    assert table.vectors.tolist() == [[1, 2], [3, 4]]
    assert table.columns["masked"].tolist() == [0, 1]
    assert table.labels("sharp").tolist() == [1.5, None]
    assert table.columns["weather"].tolist() == [None, "rain"]
    assert table.columns["night"].tolist() == [True, False]


def test_names_that_are_numbers_stay_text(tmp_path):
    (tmp_path / "t.csv").write_text("id,x\n007,1\n8,2\n")
    assert read_table(tmp_path / "t.csv").names == ["007", "8"]
    pq.write_table(pa.table({"id": [7, 8], "other": ["a", "b"]}), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").names == ["7", "8"]
    assert read_table(tmp_path / "t.parquet", name_column="other").names == ["a", "b"]


def test_parquet_of_others(tmp_path):
    maps = pa.map_(pa.string(), pa.int32())
    data = {
        "file_name": ["a", "b", "c"],
        "vector": pa.array([[3, 4], [1, 0], [0, 2]], pa.list_(pa.float16())),
        "other": pa.array([[1, 2, 2], [0, 1, 0], [1, 0, 0]], pa.list_(pa.float64(), 3)),
        "yolo": pa.array([[("car", 2), ("dog", 1)], [], None], maps),
        "meta": [{"sharp": 1.5, "gps": {"lat": 1}, "tag": "x"}, None, {"sharp": None, "gps": {"lat": 2}, "tag": None}],
        "yolo.score": [0.1, 0.2, 0.3],
        "weather": pa.array(["rain", "rain", None]).dictionary_encode(),
        "picture": [b"\xff", b"", None],
        "boxes": [[1.0], [], None],
    }
    pq.write_table(pa.table(data), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    np.testing.assert_allclose(table.vectors, [[0.6, 0.8], [1, 0], [0, 1]], atol=1e-6)
    assert table.counts("yolo")[0].tolist() == [[2, 1], [0, 0], [0, 0]]
    assert table.labels("yolo.car").tolist() == [2, 0, None]
    assert table.labels("meta.gps.lat").tolist() == [1, None, 2]
    assert table.labels("meta.tag").tolist() == ["x", None, None]
    assert table.labels("weather").tolist() == ["rain", "rain", None]
    assert not {"picture", "boxes", "other", "vector", "file_name"} & set(table.columns)
    assert read_table(tmp_path / "t.parquet", vector_column="other").vectors.shape == (3, 3)


def test_objects_inside_a_group(tmp_path):
    values = [{"embeddings": [[3.0, 4.0], [0.0, 1.0]], "score": 0.5}, {"embeddings": [], "score": 0.1}, None]
    pq.write_table(pa.table({"yolo": values}), tmp_path / "t.parquet")
    lines = "".join(json.dumps({"yolo": value}) + "\n" for value in values)
    (tmp_path / "t.jsonl").write_text(lines)
    for name in ("t.parquet", "t.jsonl"):
        table = read_table(tmp_path / name)
        np.testing.assert_allclose(table.objects["yolo"].rows, [[0.6, 0.8], [0, 1]], atol=1e-6)
        assert table.objects["yolo"].ends.tolist() == [2, 2, 2]
        assert table.labels("yolo.score").tolist() == [0.5, 0.1, None]


def test_json_lines_whose_keys_come_and_go(tmp_path):
    records = [{"id": str(row), "early": row} for row in range(4096)]
    records += [{"id": str(row), "n": {"car": 1}, "share": 1} for row in range(4096, 5000)]
    records += [{"id": "last", "n": {"dog": 2.5}, "share": 0.5, "list": [1], "embedding": None}]
    text = "\n\n".join(json.dumps({**record, "embedding": [1, 0]}) for record in records)
    (tmp_path / "t.jsonl").write_text(text, encoding="utf-8-sig")
    table = read_table(tmp_path / "t.jsonl")
    assert len(table) == 5001
    assert table.vectors.shape == (5001, 2)
    assert table.counts("n")[0].sum(axis=0).tolist() == [904, 2.5]
    assert table.labels("share")[-2:].tolist() == [1.0, 0.5]
    assert table.labels("early")[4095:4097].tolist() == [4095, None]


FILES: dict[str, tuple[str, str]] = {
    "twice.csv": ("filenames,embedding_0\na,1\na,2\n", 'rows 0 and 1 are both named "a"'),
    "number.csv": ("filenames,embedding_0\na,1\nb,x\n", "Row #3: CSV conversion error to float: invalid value 'x'"),
    "short.csv": ("filenames,embedding_0\na,1\nb\n", "Row #3: Expected 2 columns, got 1"),
    "nan.csv": ("filenames,embedding_0\na,1\nb,nan\n", r'row 1 \("b"\): NaN or infinity in its vector'),
    "gone.csv": ("filenames,embedding_0\na,\n", r'row 0 \("a"\): NaN or infinity in its vector'),
    "empty.csv": ("", "is empty"),
    "header.csv": ("filenames,embedding_0\n", "the table holds no row"),
    "gap.csv": ("filenames,embedding_0,embedding_2\n", "has no embedding_1"),
    "names.csv": ("filenames,x,x\n", "the header names x twice"),
    "marks.csv": ("filenames;embedding_0\na;1,5\n", r"columns are parted by ';' \('filenames;embedding_0'\): commas"),
    "tabs.csv": ("filenames\tembedding_0\na\t1\n", r"columns are parted by '\\t'"),
    "headless.csv": ("a.png,0.1,0.1\nb.png,1,2\n", r"begins with a row of numbers \('a.png,0.1,0.1'\).*filenames,emb"),
    "nameless.csv": ("filenames,x\n,1\n", "row 0 has no name"),
    "kinds.jsonl": ('{"a": 1}\n{"a": "b"}\n', 'column "a" holds values of different kinds'),
    "list.jsonl": ('{"a": 1}\n[1]\n', "line 2 must be an object"),
    "cut.jsonl": ('{"a": 1}\n{"a"', "line 2 is no JSON"),
    "none.jsonl": ("\n", "the table holds no row"),
    "mixed.jsonl": ('{"embedding": [1, 2]}\n{"embedding": [1]}\n', "row 1: its vector holds 1 numbers, others 2"),
    "text.jsonl": ('{"embedding": "x"}\n', '"embedding" must hold lists of numbers'),
    "bad.parquet": ("PAR1", "cannot be understood"),
    "bad.npy": ("x", "cannot be understood"),
    "some.txt": ("x", "is no table; give a file that ends in .csv"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_cannot_be_read_is_one_line_with_the_file(tmp_path, name):
    text, said = FILES[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=said) as caught:
        read_table(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.ones((2, 3), int), "must hold float32, float16 or float64, got int64"),
        (np.array([[{}]], object), "got object"),
        (np.ones(3), r"must hold a table \(N, D\)"),
        (np.ones((0, 3)), "the table holds no row"),
        (np.float32([[1, np.inf]]), "row 0: NaN or infinity in its vector"),
    ],
)
def test_arrays_that_are_no_table(tmp_path, array, said):
    np.save(tmp_path / "v.npy", array, allow_pickle=True)
    with pytest.raises(SourceError, match=said):
        read_table(tmp_path / "v.npy")


def test_a_file_cut_short(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((100, 3), np.float32))
    write_parquet(Table(["a"]), tmp_path / "t.parquet")
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-2])
        with pytest.raises(SourceError, match="cannot be understood"):
            read_table(path)


def test_parquet_vectors_of_different_dimensions(tmp_path):
    pq.write_table(pa.table({"id": ["a", "b"], "vector": [[1.0, 2.0], [1.0]]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="row 1: its vector holds 1 numbers, others 2"):
        read_table(tmp_path / "t.parquet")
    pq.write_table(pa.table({"t.embeddings": [[[1.0, 2.0]], [], [[1.0, 2.0], [1.0]]]}), tmp_path / "o.parquet")
    with pytest.raises(SourceError, match="row 2: the vector of an object holds 1 numbers, others 2"):
        read_table(tmp_path / "o.parquet")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="holds no finished run"):
        read_table(tmp_path)
    with pytest.raises(SinkError, match="cannot be written"):
        write_parquet(Table(["a"]), Path(tmp_path) / "none" / "t.parquet")


def test_a_column_that_is_called_like_ours(tmp_path):
    with pytest.raises(UsageError, match='column "embedding" is called like'):
        write_parquet(Table(["a"], columns={"embedding": np.zeros(1)}), tmp_path / "t.parquet")
