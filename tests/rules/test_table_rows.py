"""A table as material: its own columns first, then what goes with its names."""

from __future__ import annotations

import numpy as np
import pytest

from streamsel.config import read_selection
from streamsel.errors import UsageError
from streamsel.rules.material import batch_of
from streamsel.rules.table_rows import TableRows
from streamsel.selection.columns import Counts
from streamsel.tables import Objects, Table

NAMES = ["a-1.png", "b-2.png", "c-3.png"]


def table(**columns):
    classes = {"cars.CLASS_DISTRIBUTION": ("car", "bus")}
    amounts = {f"cars.CLASS_DISTRIBUTION.{name}": np.arange(3.0) + place for place, name in enumerate(("car", "bus"))}
    every = {key: np.array(values) for key, values in columns.items()}
    objects = {"cars": Objects(np.eye(3, dtype=np.float32), np.array([0, 2, 3]))}
    return Table(NAMES, np.eye(3, dtype=np.float32), {**every, **amounts}, objects, classes)


def rules(what, how, **top):
    return read_selection({"n_samples": 1, "strategies": [{"input": what, "strategy": how}], **top})


def read(what, how, rows, **top):
    config = rules(what, how, **top)
    return batch_of(config, rows)[config.strategies[0].column]


def metadata(key):
    return {"type": "METADATA", "key": key}


WEIGHTS = {"type": "WEIGHTS"}
UNIFORM = {"type": "BALANCE", "distribution": "UNIFORM"}
EQUAL = {"type": "THRESHOLD", "operation": "EQUAL"}
COUNTED = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}


def test_numbers_labels_and_counts_of_one_column():
    rows = TableRows(table(lane=[1, 2, 1]))
    assert read(metadata("lane"), WEIGHTS, rows).values.tolist() == [1, 2, 1]
    assert read(metadata("lane"), {**EQUAL, "threshold": "x"}, rows).values.tolist() == [1, 2, 1]
    counts = read(metadata("lane"), UNIFORM, rows)
    assert (counts.classes, counts.values.tolist()) == (("1", "2"), [[1, 0], [0, 1], [1, 0]])


def test_amounts_by_class():
    counts = read(COUNTED, UNIFORM, TableRows(table()))
    assert isinstance(counts, Counts)
    assert counts.classes == ("car", "bus")
    assert counts.values.tolist() == [[0, 1], [1, 2], [2, 3]]


def test_columns_called_alike_are_amounts_by_class():
    columns = {"cars.CLASS_DISTRIBUTION.car": np.array([1.0, 2, 3]), "cars.CLASS_DISTRIBUTION.bus": np.array([0, 1, 0])}
    counts = read(COUNTED, UNIFORM, TableRows(Table(NAMES, None, columns)))
    assert dict(zip(counts.classes, counts.values.T.tolist(), strict=True)) == {"car": [1, 2, 3], "bus": [0, 1, 0]}


def test_objects_and_vectors():
    rows = TableRows(table())
    objects = read({"type": "EMBEDDINGS", "task": "cars"}, {"type": "DIVERSITY"}, rows)
    assert objects.counts.tolist() == [0, 2, 1]
    assert read({"type": "EMBEDDINGS"}, {"type": "DIVERSITY"}, rows).rows.shape == (3, 3)


def test_random_numbers_go_by_name_and_seed():
    random = {"type": "RANDOM"}
    values = [read(random, WEIGHTS, TableRows(table()), random_seed=seed).values.tolist() for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]
    own = read({"type": "RANDOM", "random_seed": 2}, WEIGHTS, TableRows(table())).values.tolist()
    assert own == values[2]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("source", ["x", "y", "x"], ["x", "y", "x"]),
        ("video", ["x", "y", "x"], ["x", "y", "x"]),
        ("camera", [1, 2, 1], [1, 2, 1]),
    ],
)
def test_sources_have_usual_names(name, values, expected):
    assert TableRows(table(**{name: values})).place("SOURCE").values.tolist() == expected


def test_days_are_those_of_times():
    times = np.array(["2024-02-03T23:59:59", "2024-02-04", "2024-02-04T01:00"], "M8[us]")
    rows = TableRows(table(timestamp=times))
    assert rows.place("DAY").values.tolist() == ["2024-02-03", "2024-02-04", "2024-02-04"]
    assert np.diff(rows.place("TIME").values).tolist() == [1.0, 3600.0]


def test_days_of_seconds_are_those_since_1970_and_no_others():
    noon = 1_715_947_200  # of 2024-05-17, UTC
    rows = TableRows(table(time=np.array([noon, noon + 43_199, noon + 43_200.5])))
    assert rows.place("DAY").values.tolist() == ["2024-05-17", "2024-05-17", "2024-05-18"]
    rows = TableRows(table(time=np.array([0.0, 12.5, 90_000.0]), day=np.array(["mon", "mon", "tue"], object)))
    assert rows.place("DAY").values.tolist() == ["mon", "mon", "tue"]
    for wrong in (np.array([noon, 12.5, noon]), np.array(["2024-05-17", "12:30:05", "2024-05-17"], object)):
        rows = TableRows(table(time=wrong), called="rows.csv")
        with pytest.raises(UsageError, match=r'^rows\.csv: row 1 \("b-2\.png"\): its time tells no day'):
            rows.place("DAY")


@pytest.mark.parametrize(("what", "column"), [("SOURCE", "source"), ("TIME", "time"), ("DAY", "day")])
def test_places_that_are_not_there(what, column):
    with pytest.raises(UsageError, match=f"rows.csv: a constraint reads .*: add a column '{column}'"):
        TableRows(table(), called="rows.csv").place(what)


def test_a_place_that_is_not_known_names_its_row():
    rows = TableRows(table(source=np.array(["x", None, "y"], object)))
    with pytest.raises(UsageError, match=r'row 1 \("b-2.png"\): its source is not known'):
        rows.place("SOURCE")


@pytest.mark.parametrize(
    ("what", "how"),
    [
        (metadata("spede"), WEIGHTS),
        (metadata("road"), WEIGHTS),
        ({**COUNTED, "task": "vans"}, UNIFORM),
        ({"type": "EMBEDDINGS", "task": "vans"}, {"type": "DIVERSITY"}),
    ],
)
def test_what_is_missing_names_the_table(what, how):
    rows = TableRows(table(speed=[1, 2, 3], road=np.array(["x", "y", "x"], object)), called="rows.csv")
    with pytest.raises(UsageError, match=r"^\.(key|task): rows\.csv: "):
        read(what, how, rows)


def test_numbers_that_are_not_whole_are_no_categories():
    rows = TableRows(table(lane=[1.0, np.nan, 3.0], speed=[1.0, 2.5, np.nan]), called="rows.csv")
    read(metadata("lane"), UNIFORM, rows)
    with pytest.raises(UsageError, match=r"^\.key: rows\.csv: .*row 1.*: speed 2\.5 is no category"):
        read(metadata("speed"), UNIFORM, rows)


def test_groups_of_an_expression():
    rows = TableRows(table(letter=np.array(["z"] * 3, object)), expression=r"(?P<letter>\w)-(?P<digit>\d)")
    assert read(metadata("digit"), {**EQUAL, "threshold": "2"}, rows).values.tolist() == ["1", "2", "3"]
    assert read(metadata("letter"), {**EQUAL, "threshold": "2"}, rows).values.tolist() == ["z"] * 3
