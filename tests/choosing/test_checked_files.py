"""What a config reads of files beside the input is looked for before a run, and named with its place."""

from __future__ import annotations

import json

import pytest

from streamsel.choosing.api import check
from tests.conftest import streamsel
from tests.run import drive
from tests.run.drive import (
    CLASSES,
    DIVERSITY,
    EMBEDDINGS,
    ENTROPY,
    LUMINANCE,
    SIMILARITY,
    SPEED,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    config,
    entry,
    threshold,
)


@pytest.fixture(scope="module")
def lightly(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files") / ".lightly"
    drive.told(folder)
    return folder


def problems(selection, **options):
    return {one.place: one.text for one in check(selection, **options) if one.level == "problem"}


def quota(per, *classes):
    return {"type": "AT_MOST", "count": 3, "per": per, **({"classes": list(classes)} if classes else {})}


def test_all_that_is_there_is_no_problem(lightly):
    goals = config(
        entry({**EMBEDDINGS, "task": "cars"}, DIVERSITY),
        entry(SPEED, WEIGHTS),
        entry(CLASSES, {"type": "BALANCE", "target": {"bus": 0.5}}),
        entry(LUMINANCE, WEIGHTS),
        threshold(WEATHER, "IN", ["rain"]),
        n_samples=5,
        constraints=[quota({"type": "METADATA", "key": "label"}), quota({"type": "DAY"}), quota({"type": "SOURCE"})],
    )
    assert problems(goals, lightly=lightly) == {}
    assert problems(goals, lightly=lightly.parent) == {}


def test_own_embeddings_that_are_not_there(lightly):
    selection = {"worker_config": {"embeddings": "own.csv"}, "selection_config": config(n_samples=2)}
    selection["selection_config"]["strategies"] = [entry(EMBEDDINGS, DIVERSITY)]
    assert problems(selection, lightly=lightly) == {
        "worker_config.embeddings": f"{lightly}/embeddings/own.csv: no such file; put it there, or leave"
        " worker_config.embeddings out"
    }
    (lightly / "embeddings").mkdir()
    (lightly / "embeddings/own.csv").write_text("filenames,embedding_0\n")
    assert problems(selection, lightly=lightly) == {}
    selection["worker_config"]["embeddings"] = "../own.csv"
    (told,) = problems(selection, lightly=lightly).values()
    assert told == "must be the name of a file in .lightly/embeddings/"


def test_each_thing_that_is_not_there_is_told_with_its_place(lightly):
    goals = config(
        entry({**EMBEDDINGS, "task": "carz"}, DIVERSITY),
        entry({**SPEED, "key": "gps.sped"}, WEIGHTS),
        entry({**ENTROPY, "score": "uncertainty_entropi"}, WEIGHTS),
        entry(CLASSES, {"type": "BALANCE", "target": {"buss": 0.5}}),
        entry(WEATHER, WEIGHTS),
        n_samples=5,
        constraints=[quota(WEATHER), quota({"type": "PREDICTIONS", "task": "light"}, "brigt")],
    )
    found = problems(goals, lightly=lightly)
    assert list(found) == [
        "strategies[0].input.task",
        "strategies[1].input.key",
        "strategies[2].input.score",
        "strategies[3].strategy.target",
        "strategies[4].input.key",
        "constraints[1].classes",
    ]
    for place, meant in zip(found, ("cars", "gps.speed", "uncertainty_entropy", "bus", "", "bright"), strict=True):
        assert (f"did you mean '{meant}'" if meant else "CATEGORICAL_STRING") in found[place]


def test_a_folder_that_is_none(tmp_path):
    assert "neither a .lightly folder" in problems(config(entry(SPEED, WEIGHTS)), lightly=tmp_path)["--lightly"]


def test_query_sets(tmp_path):
    goals = config(entry({**EMBEDDINGS, "query_set": "night"}, SIMILARITY), n_samples=5)
    assert problems(goals) == {}
    gone = tmp_path / "gone"
    assert problems(goals, query_sets={"night": str(gone)}) == {
        "strategies[0].input": f"--query-set night={gone}: does not exist"
    }
    notes = [one for one in check(goals, query_sets={"night": str(tmp_path), "day": "."}) if one.level == "note"]
    assert [(one.place, one.text.partition(":")[0]) for one in notes] == [("--query-set", "day")]


def test_the_command(lightly, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(json.dumps(config(entry({**WEATHER, "key": "wether"}, UNIFORM), n_samples=5)))
    done = streamsel("check", rules, "--lightly", lightly, "--json", check=False)
    assert done.returncode == 2
    assert '"strategies[0].input.key"' in done.stdout
