"""What cannot mean anything is one line that names the file or the place, and leaves nothing behind."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamsel.choosing.api import choose
from streamsel.errors import SinkError, SourceError, StateError, UsageError
from tests.choosing.made import (
    CLASSES,
    COUNT,
    DIVERSITY,
    EMBEDDINGS,
    OBJECTS,
    SPEED,
    UNIFORM,
    WEATHERS,
    WEIGHTS,
    chosen,
    config,
    entry,
    records,
    threshold,
    unit,
    written,
)
from tests.conftest import inside

BAD_TABLES = {
    "no row": (lambda rows: [], "holds no row"),
    "NaN": (lambda rows: [rows[0] | {"embedding": [float("nan")] * 6}, *rows[1:]], '"drive/000.png"'),
    "zeros": (lambda rows: [*rows[:5], rows[5] | {"embedding": [0.0] * 6}], "drive/005.png"),
    "a name twice": (lambda rows: [*rows, rows[3]], 'rows 3 and 60 are both named "drive/003.png"'),
    "dimensions": (lambda rows: [*rows[:9], rows[9] | {"embedding": [1.0] * 5}], "row 9"),
    "no number": (lambda rows: [*rows[:2], rows[2] | {"gps": {"speed": None}}], "drive/002.png"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables(name, tmp_path):
    spoil, says = BAD_TABLES[name]
    table = written(tmp_path / "bad.jsonl", spoil(records()))
    done = inside("choose", table, "-o", tmp_path / "out", "-n", "2", "--selection", rules(tmp_path), check=False)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "bad.jsonl" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out" / "summary.json").exists()


def rules(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(config(entry(EMBEDDINGS, DIVERSITY), entry(SPEED, WEIGHTS), n_samples=2)))
    return path


REFUSED = {
    "n": (config(entry(EMBEDDINGS, DIVERSITY), n_samples=61), "rows.jsonl has 60 rows; ask for 60 or fewer"),
    "nothing says n": ({"strategies": [entry(EMBEDDINGS, DIVERSITY)]}, "give -n or --proportion"),
    "column": (config(entry({"type": "METADATA", "key": "gps.sped"}, WEIGHTS)), 'did you mean "gps.speed"'),
    "labels": (config(entry(WEATHERS, WEIGHTS)), 'column "weather" holds labels'),
    "score": (
        config(entry({"type": "SCORES", "task": "cars", "score": "uncertainty_entropie"}, WEIGHTS)),
        'did you mean "cars.uncertainty_entropy"',
    ),
    "task": (config(entry({**COUNT, "task": "cats"}, WEIGHTS)), "cats.CATEGORY_COUNT"),
    "distribution": (config(entry({**CLASSES, "task": "cats"}, UNIFORM)), "cats.CLASS_DISTRIBUTION"),
    "objects": (config(entry({**OBJECTS, "task": "cats"}, DIVERSITY)), "objects of task 'cats' (it has: cars)"),
    "query set": (
        config(entry({**EMBEDDINGS, "query_set": "night"}, {"type": "SIMILARITY"})),
        "--query-set night=PATH",
    ),
    "time": (config(entry(SPEED, WEIGHTS), constraints=[{"type": "MIN_GAP", "seconds": 1}]), "'time'"),
    "include": (
        config(entry(SPEED, WEIGHTS), constraints=[{"type": "INCLUDE", "names": ["x"]}]),
        "INCLUDE x: is no row",
    ),
    "include out": (
        config(
            threshold(SPEED, "SMALLER", -1), constraints=[{"type": "INCLUDE", "names": ["drive/001.png"]}], n_samples=1
        ),
        "a filter forbids it (threshold gps.speed)",
    ),
    "includes": (
        config(
            entry(SPEED, WEIGHTS),
            constraints=[{"type": "INCLUDE", "names": ["drive/001.png", "drive/002.png"]}],
            n_samples=1,
        ),
        "2 rows must be picked, and only 1 can be",
    ),
    "sequences": (
        {"selection_config": config(entry(EMBEDDINGS, DIVERSITY)), "worker_config": {"selected_sequence_length": 5}},
        "selected_sequence_length 5",
    ),
    "relevant": (
        {
            "selection_config": config(entry(EMBEDDINGS, DIVERSITY)),
            "worker_config": {"relevant_filenames_file": ".lightly/r.txt"},
        },
        "with --lightly",
    ),
    "dimension": (
        {
            "selection_config": config(entry(EMBEDDINGS, DIVERSITY)),
            "lightly_config": {"model": {"num_ftrs": 32}},
        },
        "rows.jsonl have 6 numbers",
    ),
    "target": (
        config(entry(WEATHERS, {"type": "BALANCE", "target": {"fog": 0.8, "rain": 0.8}})),
        "strategies[0]: a BALANCE target",
    ),
    "measured": (config(entry({"type": "METADATA", "key": "lightly.sharpness"}, WEIGHTS)), "lightly.sharpness"),
    "key": ({**config(entry(EMBEDDINGS, DIVERSITY)), "n_sample": 3}, "did you mean 'n_samples'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, tmp_path):
    rows = [{key: value for key, value in row.items() if key != "time"} for row in records()]
    table = written(tmp_path / "rows.jsonl", rows)
    selection, says = REFUSED[name]
    with pytest.raises(UsageError) as caught:
        choose(table, tmp_path / "out", selection=selection)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_must_be_picked_and_is_not_there_has_a_nearest_one(table, tmp_path):
    selection = config(entry(EMBEDDINGS, DIVERSITY), constraints=[{"type": "INCLUDE", "names": ["drvie/007.png"]}])
    with pytest.raises(UsageError, match=r"^constraints\[0\]: INCLUDE .*; did you mean 'drive/007\.png'\?"):
        choose(table, tmp_path / "out", selection=selection)


@pytest.mark.parametrize("goal", [entry(EMBEDDINGS, DIVERSITY), threshold(SPEED, "BIGGER", 0)])
def test_embeddings_that_are_not_there(goal, tmp_path):
    rows = [{key: value for key, value in row.items() if key != "embedding"} for row in records()]
    table = written(tmp_path / "rows.jsonl", rows)
    selection = config(goal, constraints=[{"type": "MIN_DISTANCE", "distance": 0.1}])
    said = r"rows.jsonl: holds no embeddings, and (strategies|constraints)\[0\] .*weather.* expected is embedding_0"
    with pytest.raises(UsageError, match=said):
        choose(table, tmp_path / "out", selection=selection)


def test_counts_of_nothing(tmp_path):
    rows = [row | {"cars": {"CLASS_DISTRIBUTION": {"car": 0.0}}} for row in records()]
    with pytest.raises(UsageError, match=r"strategies\[0\]: BALANCE UNIFORM needs rows that hold something"):
        choose(written(tmp_path / "r.jsonl", rows), tmp_path / "out", selection=config(entry(CLASSES, UNIFORM)))


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize("form", ["struct", "map"])
def test_amounts_that_are_no_counts(form, amount, tmp_path):
    names = [f"{row}" for row in range(4)]
    kind = pa.map_(pa.string(), pa.float64()) if form == "map" else pa.struct([("car", pa.float64())])
    held = [[("car", one)] if form == "map" else {"car": one} for one in (1.0, amount, 2.0)]
    table = pa.table({"name": names, "cars.CLASS_DISTRIBUTION": pa.array([*held, None], kind)})
    pq.write_table(table, tmp_path / "r.parquet")
    said = r"^strategies\[0\]\.input\.task: .*r\.parquet: row 1 holds NaN, infinity or a number below 0"
    with pytest.raises(UsageError, match=said):
        choose(tmp_path / "r.parquet", tmp_path / "out", selection=config(entry(CLASSES, UNIFORM), n_samples=1))


def test_counts_below_nothing(tmp_path):
    rows = records()
    rows[4]["cars"]["CATEGORY_COUNT"] = -2
    said = r'^strategies\[0\]\.input\.task: .*: row 4 \("drive/004\.png"\): cars\.CATEGORY_COUNT -2 is no count'
    with pytest.raises(UsageError, match=said):
        choose(written(tmp_path / "r.jsonl", rows), tmp_path / "out", selection=config(entry(COUNT, WEIGHTS)))


def test_queries_of_another_dimension(table, tmp_path):
    np.save(tmp_path / "q.npy", unit(np.ones((2, 5)) + np.eye(2, 5)))
    selection = config(entry({**EMBEDDINGS, "query_set": "q"}, {"type": "SIMILARITY"}))
    with pytest.raises(UsageError, match=r"strategies\[0\].*5.*6|strategies\[0\].*6.*5"):
        choose(table, tmp_path / "out", selection=selection, query_sets={"q": str(tmp_path / "q.npy")})


@pytest.mark.parametrize("text", ["night", "=x", "night="])
def test_query_sets_are_named(text, table, tmp_path):
    done = inside("choose", table, "-o", tmp_path / "out", "-n", "2", "--query-set", text, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "NAME=PATH" in done.stderr


def test_both_ways_to_say_n(table, tmp_path):
    with pytest.raises(UsageError, match="exclude each other"):
        choose(table, tmp_path / "out", n=3, proportion=0.1)
    with pytest.raises(UsageError, match="must be 1 or more"):
        choose(table, tmp_path / "out", n=0)


def test_files_that_are_not_there(table, tmp_path):
    for options in ({"table": tmp_path / "no.csv"}, {"metadata": tmp_path / "no.csv"}, {"lightly": tmp_path / "no"}):
        with pytest.raises((SourceError, UsageError), match="no"):
            choose(**{"table": table, "out": tmp_path / "out", "n": 2, **options})
    with pytest.raises(UsageError, match=r"no\.json"):
        choose(table, tmp_path / "out", selection=tmp_path / "no.json")


def test_folders_that_hold_something_else(table, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    with pytest.raises(StateError, match="holds what streamsel choose did not write"):
        choose(table, tmp_path / "out", n=2, fresh=True)
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot be used as output folder"):
        choose(table, tmp_path / "file", n=2)


def test_what_is_read_is_never_written_over(table, tmp_path):
    first = chosen(table, tmp_path / "first", n=9)
    for place in (tmp_path / "first", tmp_path / "first" / "manifest.jsonl"):
        with pytest.raises(UsageError, match="cannot be in the output folder"):
            choose(place, tmp_path / "first", n=3, fresh=True)
    assert chosen(table, tmp_path / "first", n=9) == first
