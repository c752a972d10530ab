"""A Table checks itself, and tells numbers, labels and counts."""

from __future__ import annotations

import numpy as np
import pytest

from streamsel.errors import UsageError
from streamsel.tables import Objects, Table

NAMES = ["a.png", "b.png", "c.png"]
ROWS = np.eye(3, dtype=np.float32)


def objects(*ends: int, rows: int | None = None) -> Objects:
    return Objects(np.ones((ends[-1] if rows is None else rows, 2), np.float32), np.array(ends, np.int64))


def nan_at(row: int) -> np.ndarray:
    rows = ROWS.copy()
    rows[row, 1] = np.nan
    return rows


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"names": []}, "the table holds no row"),
        ({"names": ["a", "b", "a"]}, 'rows 0 and 2 are both named "a"'),
        ({"names": ["a", "", "c"]}, "row 1 has no name"),
        ({"vectors": ROWS[:2]}, r"vectors must be \(3, D\) float32, got \(2, 3\)"),
        ({"vectors": ROWS.astype(np.float64)}, "float32, got .* float64"),
        ({"vectors": ROWS[:, :0]}, "vectors must be"),
        ({"vectors": nan_at(2)}, r'row 2 \("c.png"\): NaN or infinity in its vector'),
        ({"columns": {"x": np.zeros(2)}}, 'column "x" must hold 3 values'),
        ({"objects": {"yolo": objects(1, 0, 2)}}, 'ends of the objects of "yolo" must rise to 2'),
        ({"objects": {"yolo": objects(1, 1, 2, rows=3)}}, "must rise to 3"),
        ({"objects": {"yolo": Objects(nan_at(1), np.array([1, 1, 3]))}}, r'row 2 \("c.png"\): NaN .* object of "yolo"'),
        ({"classes": {"n": ("car",)}}, 'column "n" must be either values or counts'),
    ],
)
def test_what_does_not_fit_is_said(fields, said):
    with pytest.raises(UsageError, match=said):
        Table(**{"names": NAMES, **fields})


def test_large_numbers_are_no_infinity():
    assert len(Table(NAMES, np.full((3, 2), 1e30, np.float32))) == 3


def test_rows_without_names_are_called_by_number():
    with pytest.raises(UsageError, match="row 1: NaN"):
        Table(["0", "1", "2"], nan_at(1), named=False)


def table() -> Table:
    columns = {
        "float": np.array([1, np.nan, 3]),
        "share": np.array([0.5, np.nan, 3]),
        "int": np.array([1, 2, 3]),
        "bool": np.array([True, False, True]),
        "label": np.array(["x", None, "y"], object),
        "time": np.array(["2025-01-01T00:00:01", "NaT", "2025-01-01"], "M8[us]"),
        "n.car": np.array([1, np.nan, 2]),
        "n.dog": np.array([0, 4, 1]),
    }
    return Table(NAMES, columns=columns, classes={"n": ("dog", "car")})


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        ("float", [1, None, 3]),
        ("share", [0.5, None, 3.0]),
        ("int", [1, 2, 3]),
        ("bool", [True, False, True]),
        ("label", ["x", None, "y"]),
        ("time", ["2025-01-01T00:00:01.000000", None, "2025-01-01T00:00:00.000000"]),
    ],
)
def test_labels_are_plain_values(key, labels):
    found = table().labels(key).tolist()
    assert found == labels
    assert [type(value) for value in found] == [type(value) for value in labels]


def test_numbers_are_finite_or_the_row_is_named():
    assert table().numbers("int").tolist() == [1, 2, 3]
    for key in ("float", "time"):
        with pytest.raises(UsageError, match=r'row 1 \("b.png"\) has no number in column'):
            table().numbers(key)
    for key in ("label", "bool"):
        with pytest.raises(UsageError, match="holds labels, not numbers"):
            table().numbers(key)
    with pytest.raises(UsageError, match='no column "flaot"; did you mean "float"'):
        table().numbers("flaot")


def test_a_class_that_is_not_named_counts_nothing():
    values, classes = table().counts("n")
    assert classes == ("dog", "car")
    assert values.tolist() == [[0, 1], [4, 0], [1, 2]]
    with pytest.raises(UsageError, match='no column "m" holds counts by class; there are n'):
        table().counts("m")


def test_times_are_seconds():
    made = Table(["a"], columns={"t": np.array(["1970-01-02T00:00:00.5"], "M8[us]")})
    assert made.numbers("t").tolist() == [86400.5]


def test_an_object_has_an_owner():
    made = Table(NAMES, objects={"yolo": objects(2, 2, 3)})
    assert [made.owner("yolo", place) for place in range(3)] == [0, 0, 2]
