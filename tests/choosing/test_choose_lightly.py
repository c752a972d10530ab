"""What a `.lightly` folder knows of the names in a table, and which of them are relevant."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streamsel.choosing.api import check, choose
from streamsel.errors import UsageError
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.predictions import Prediction
from streamsel.signals.schema import Category, TaskSchema
from streamsel.signals.writing import write_metadata, write_metadata_schema, write_prediction, write_task
from tests.choosing.made import (
    CLASSES,
    COUNT,
    DIVERSITY,
    EMBEDDINGS,
    ENTROPY,
    UNIFORM,
    WEIGHTS,
    chosen,
    config,
    entry,
    threshold,
    unit,
)
from tests.conftest import inside

CARS = TaskSchema("cars", "object-detection", (Category(0, "car"), Category(3, "truck"), Category(5, "bus")))
NAMES = [f"sub/{row:02d}.png" for row in range(30)]
FREQUENCY = {**ENTROPY, "score": "object_frequency"}


def car(row: int, place: int) -> Prediction:
    sure = 0.34 + 0.02 * row
    rest = (1 - sure) / 2
    return Prediction((0, 3)[(row + place) % 2], sure, (sure, rest, rest), (place, 0.0, 5.0, 5.0))


@pytest.fixture
def folder(tmp_path):
    lightly = tmp_path / "data" / ".lightly"
    write_task(lightly, CARS)
    write_metadata_schema(
        lightly,
        [
            Entry("weather.rain", "NUMERIC_FLOAT", 0.0),
            Entry("road", "CATEGORICAL_STRING", "city"),
            Entry("night", "CATEGORICAL_BOOLEAN"),
        ],
    )
    for row, name in enumerate(NAMES):
        write_prediction(lightly, CARS, name, [car(row, place) for place in range(row % 4)])
        known = {"road": ("city", "land")[row % 2], "night": row % 3 == 0}
        write_metadata(lightly, name, {"weather": {"rain": row / 10}, **known} if row else {"night": True})
    return lightly


@pytest.fixture
def table(tmp_path):
    vectors = unit(np.random.default_rng(2).normal(size=(30, 4)))
    lines = ["filenames," + ",".join(f"embedding_{place}" for place in range(4)) + ",labels"]
    lines += [",".join([name, *map(str, vector), "0"]) for name, vector in zip(NAMES, vectors.tolist(), strict=True)]
    (tmp_path / "embeddings.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "embeddings.csv"


def test_all_that_it_knows_can_be_read(table, folder, tmp_path):
    goals = [
        entry(EMBEDDINGS, DIVERSITY),
        entry(ENTROPY, WEIGHTS),
        entry(FREQUENCY, WEIGHTS),
        entry(COUNT, WEIGHTS),
        entry({**COUNT, "categories": ["truck"]}, WEIGHTS),
        entry(CLASSES, UNIFORM),
        entry({"type": "METADATA", "key": "weather.rain"}, WEIGHTS),
        entry({"type": "METADATA", "key": "road"}, {"type": "BALANCE", "target": {"land": 0.5}}),
        threshold({"type": "METADATA", "key": "night"}, "EQUAL", True),
    ]
    found = choose(table, tmp_path / "out", selection=config(*goals, n_samples=5), lightly=folder)
    assert len(found) == 5
    assert {NAMES.index(pick["id"]) % 3 for pick in found.picks} == {0}
    for pick in found.picks:
        row, told = NAMES.index(pick["id"]), pick["signals"]
        assert told["cars.CATEGORY_COUNT"] == row % 4
        assert told["weather.rain"] == pytest.approx(row / 10)
        assert told["road"] == {("city", "land")[row % 2]: 1.0}
        assert 0.9 <= told["cars.object_frequency"] <= 1
        assert (told["cars.uncertainty_entropy"] == 0) == (row % 4 == 0)
    assert set(found.summary["strategies"]["BALANCE cars"]["shares"]) == {"car", "truck", "bus"}


def test_the_folder_above_may_be_named(table, folder, tmp_path):
    goals = config(entry(COUNT, WEIGHTS), n_samples=3)
    names = chosen(table, tmp_path / "out", goals, lightly=folder.parent)
    assert {NAMES.index(name) % 4 for name in names} == {3}


def test_a_column_goes_before_the_folder(table, folder, tmp_path):
    more = tmp_path / "more.csv"
    more.write_text("filename,cars.CATEGORY_COUNT\n" + "".join(f"{n},{30 - r}\n" for r, n in enumerate(NAMES)))
    goals = config(entry(COUNT, WEIGHTS), n_samples=3)
    assert chosen(table, tmp_path / "out", goals, lightly=folder, metadata=more) == NAMES[:3]


@pytest.mark.parametrize(
    ("what", "how", "says"),
    [
        ({**COUNT, "task": "carts"}, WEIGHTS, "tasks.json"),
        ({**ENTROPY, "score": "uncertainty_entropie"}, WEIGHTS, "uncertainty_entropy"),
        ({**COUNT, "categories": ["lorry"]}, WEIGHTS, "lorry"),
        ({"type": "METADATA", "key": "weather.rian"}, WEIGHTS, "weather.rain"),
        ({"type": "METADATA", "key": "road"}, WEIGHTS, "CATEGORICAL_STRING"),
        ({"type": "METADATA", "key": "lightly.sharpness"}, WEIGHTS, "add a column of that name"),
    ],
)
def test_what_it_does_not_know(what, how, says, table, folder, tmp_path):
    with pytest.raises(UsageError) as caught:
        choose(table, tmp_path / "out", selection=config(entry(what, how)), lightly=folder)
    assert says in str(caught.value)
    assert str(caught.value).count("input") == 1


def test_a_class_that_the_schema_lacks_is_an_error(table, folder, tmp_path):
    target = {"type": "BALANCE", "distribution": "TARGET", "target": {"trucks": 0.5}}
    goals = config(entry(CLASSES, target))
    said = r"^strategies\[0\]\.strategy\.target: unknown class 'trucks'; did you mean 'truck'"
    with pytest.raises(UsageError, match=said):
        choose(table, tmp_path / "out", selection=goals, lightly=folder)
    told = [one for one in check(goals, table, lightly=folder) if one.level == "problem"]
    assert [(one.place, "'truck'" in one.text) for one in told] == [("strategies[0].strategy.target", True)]
    quota = {"type": "AT_MOST", "count": 1, "per": {"type": "PREDICTIONS", "task": "cars"}, "classes": ["caar"]}
    with pytest.raises(UsageError, match=r"^constraints\[0\]\.classes: .*did you mean 'car'"):
        choose(table, tmp_path / "out", selection=config(entry(COUNT, WEIGHTS), constraints=[quota]), lightly=folder)


def test_only_relevant_files_are_picked(table, folder, tmp_path):
    (folder / "relevant.txt").write_text("sub/1* 15.png\nsub/03.png\n")
    run = {
        "selection_config": config(entry(EMBEDDINGS, DIVERSITY), n_samples=-1),
        "worker_config": {"relevant_filenames_file": ".lightly/relevant.txt"},
    }
    assert sorted(chosen(table, tmp_path / "out", run, lightly=folder)) == [
        "sub/03.png",
        *(name for name in NAMES[10:20] if name != "sub/15.png"),
    ]


def test_entries_that_name_no_row_are_noted(table, folder, tmp_path):
    (folder / "relevant.txt").write_text("sb/17.png\nsub/04.png\n")
    run = {
        "selection_config": config(entry(EMBEDDINGS, DIVERSITY), n_samples=1),
        "worker_config": {"relevant_filenames_file": ".lightly/relevant.txt"},
    }
    found = choose(table, tmp_path / "out", selection=run, lightly=folder)
    note = "1 of 2 entries name no file that was looked at: sb/17.png (did you mean sub/17.png?)"
    assert found.summary["notes"] == [f"relevant_filenames_file: {note}"]
    told = [one for one in check(run, table, lightly=folder) if one.place == "relevant_filenames_file"]
    assert [(one.level, one.text) for one in told] == [("note", note)]


def test_frames_of_relevant_videos_are_relevant(folder, tmp_path):
    (folder / "relevant.txt").write_text("day/a.mp4\n")
    rows = [{"name": f"day/{video}-{frame:03d}-mp4.png", "x": frame} for video in "ab" for frame in range(4)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = {
        "selection_config": config(entry({"type": "METADATA", "key": "x"}, WEIGHTS), n_samples=-1),
        "worker_config": {"relevant_filenames_file": ".lightly/relevant.txt"},
    }
    names = chosen(tmp_path / "t.jsonl", tmp_path / "out", run, lightly=folder)
    assert names == [f"day/a-{frame:03d}-mp4.png" for frame in (3, 2, 1, 0)]


def test_groups_of_an_expression_are_metadata(table, tmp_path):
    tens = {"type": "METADATA", "key": "tens"}
    limit = {"type": "AT_MOST", "count": 2, "per": tens}
    goals = config(
        entry(EMBEDDINGS, DIVERSITY),
        threshold(tens, "IN", ["0", "2"]),
        lightly_path_regex=r"sub/(?P<tens>\d)\d\.png",
        constraints=[limit],
    )
    names = chosen(table, tmp_path / "out", goals)
    assert sorted(name[4] for name in names) == ["0", "0", "2", "2"]
    other = config(entry({"type": "METADATA", "key": "ones"}, WEIGHTS), lightly_path_regex=r"(?P<tens>\d)")
    with pytest.raises(UsageError, match='there is no column "ones"'):
        choose(table, tmp_path / "other", selection=other)


def test_the_command_takes_it(table, folder, tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(config(entry(COUNT, WEIGHTS), n_samples=3)))
    done = inside("choose", table, "-o", tmp_path / "out", "--selection", rules, "--lightly", folder)
    assert "chose 3 of 30 rows" in done.stdout
