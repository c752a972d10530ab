"""Every input and strategy through `select`, chosen at the end and as frames come."""

from __future__ import annotations

import numpy as np
import pytest

import streamsel as library
from tests.run.drive import (
    BUSES,
    CLASSES,
    COUNT,
    DIVERSE,
    DIVERSITY,
    EMBEDDINGS,
    ENTROPY,
    FRAMES,
    LANE,
    LIGHTS,
    LUMINANCE,
    MODES,
    RANDOM,
    SHARPNESS,
    SPEED,
    TYPICALITY,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    WET,
    config,
    decisions,
    entry,
    numbers,
    objects,
    speed,
    threshold,
    turned_away,
    weather,
)

pytestmark = pytest.mark.usefixtures("quick_model")

TARGET = {"type": "BALANCE", "distribution": "TARGET"}


@pytest.fixture(params=MODES)
def run(request, data_set, tmp_path):
    """Selects from the data set, and checks what holds for every run."""

    def selected(*entries, out="out", top=None, **options):
        goal = {} if {"n", "target_ratio"} & set(options) else MODES[request.param]
        selection = config(*entries, **(top or {}))
        found = library.select(data_set, tmp_path / out, selection=selection, table=False, **goal, **options)
        rows = decisions(found)
        assert sum(row["count"] for row in rows) == FRAMES == found.summary["frames"]
        assert sum(row["count"] for row in rows if row["decision"] == "pick") == len(found)
        assert sum(found.summary["drops"].values()) == FRAMES - len(found)
        assert len(set(numbers(found))) == len(found) > 0
        if request.param == "budget" and "n" not in options:
            assert len(found) == 8
        return found

    selected.mode = request.param
    return selected


def test_the_ratio_counts_every_frame_looked_at(data_set, tmp_path):
    selection = config(entry(SPEED, WEIGHTS), threshold(SPEED, "BIGGER", 75))
    found = library.select(data_set, tmp_path / "out", selection=selection, target_ratio=0.25)
    assert len(found) == pytest.approx(FRAMES / 4, abs=np.sqrt(FRAMES / 4))
    assert found.summary["reached"] == len(found) / FRAMES


@pytest.mark.parametrize("what", [LUMINANCE, SHARPNESS], ids=lambda what: what["key"])
def test_threshold_on_what_is_measured(run, what):
    key = what["key"]
    every = run(DIVERSE, entry(what, WEIGHTS), out="every", n=FRAMES)
    measured = {number: pick["signals"][key] for number, pick in zip(numbers(every), every.picks, strict=True)}
    middle = float(np.median(list(measured.values())))
    found = run(DIVERSE, threshold(what, "BIGGER", middle))
    failed = {frame for frame, value in measured.items() if value <= middle}
    assert turned_away(found, "threshold") == failed
    assert {row["reason"] for row in decisions(found)} >= {f"threshold {key}"}
    assert found.summary["drops"][f"threshold {key}"] == len(failed)
    assert not failed & set(numbers(found))
    assert all(pick["signals"][key] > middle for pick in found.picks)


def test_threshold_on_everything_that_is_read(run):
    found = run(
        DIVERSE,
        threshold(SPEED, "BIGGER_EQUAL", 50),
        threshold(WEATHER, "NOT_IN", ["fog"]),
        threshold(WET, "EQUAL", False),
        threshold(COUNT, "BIGGER", 0),
        threshold(ENTROPY, "BIGGER", 0.1),
        threshold(LANE, "IN", [1]),
    )
    kept = {
        frame
        for frame in range(FRAMES)
        if speed(frame) >= 50 and weather(frame) != "fog" and frame % 6 and objects(frame)
    }
    assert set(numbers(found)) <= kept
    assert set(range(FRAMES)) - turned_away(found, "threshold") <= kept
    assert {"threshold gps.speed", "threshold weather", "threshold wet"} <= set(found.summary["drops"])


def test_weights_on_own_metadata(run):
    found = run(entry(SPEED, WEIGHTS))
    mean = np.mean([speed(frame) for frame in numbers(found)])
    assert mean > np.mean([speed(frame) for frame in range(FRAMES)]) + 10
    assert all(
        pick["signals"] == {"gps.speed": speed(frame)} for pick, frame in zip(found.picks, numbers(found), strict=True)
    )
    if run.mode == "budget":
        best = sorted((speed(frame) for frame in range(FRAMES)), reverse=True)
        assert sorted((speed(frame) for frame in numbers(found)), reverse=True) == best[:8]


def test_a_negative_strength_turns_weights_round(run):
    found = run(entry(SPEED, WEIGHTS, strength=-1.0))
    assert np.mean([speed(frame) for frame in numbers(found)]) < np.mean([speed(f) for f in range(FRAMES)]) - 5


def test_scores_and_numbers_of_objects(run):
    found = run(entry(ENTROPY, WEIGHTS), entry(BUSES, WEIGHTS))
    for pick, frame in zip(found.picks, numbers(found), strict=True):
        assert pick["signals"]["cars.CATEGORY_COUNT.bus"] == objects(frame).count(1)
        assert set(pick["gains"]) <= {"WEIGHTS cars uncertainty_entropy", "WEIGHTS cars bus"}
    mean = np.mean([objects(frame).count(1) for frame in numbers(found)])
    assert mean > np.mean([objects(frame).count(1) for frame in range(FRAMES)])


def test_balance_of_classes(run):
    target = {"car": 0.2, "bus": 0.2, "tram": 0.6}
    found = run(DIVERSE, entry(CLASSES, TARGET, target=target, strength=5.0))
    picked = [category for frame in numbers(found) for category in objects(frame)]
    given = [category for frame in range(FRAMES) for category in objects(frame)]
    assert picked.count(4) / len(picked) > 2 * given.count(4) / len(given)


@pytest.mark.parametrize("what", [WEATHER, WET], ids=lambda what: what["key"])
def test_balance_of_categories(run, what):
    found = run(DIVERSE, entry(what, UNIFORM, strength=5.0))
    value = weather if what is WEATHER else lambda frame: {True: "true", False: "false"}[frame % 6 == 0]
    picked = [value(frame) for frame in numbers(found)]
    assert set(picked) == {value(frame) for frame in range(FRAMES)}
    rare = min(set(picked), key=[value(frame) for frame in range(FRAMES)].count)
    assert picked.count(rare) / len(picked) > 1.2 * [value(frame) for frame in range(FRAMES)].count(rare) / FRAMES


def test_a_target_of_categories(run):
    found = run(DIVERSE, entry(WET, TARGET, target={"true": 0.75, "false": 0.25}, strength=5.0))
    assert sum(frame % 6 == 0 for frame in numbers(found)) / len(found) > 0.4


def test_random_numbers_choose_the_same_again(run):
    first, second = (run(entry(RANDOM, WEIGHTS), out=out) for out in ("one", "two"))
    other = run(entry({**RANDOM, "random_seed": 6}, WEIGHTS), out="other")
    assert first.picks == second.picks
    assert set(numbers(first)) != set(numbers(other))


def test_the_seed_of_the_config_is_that_of_all_randomness_without_one(run):
    first, second, other = (
        run(entry({"type": "RANDOM"}, WEIGHTS), out=f"{place}", top={"random_seed": seed})
        for place, seed in enumerate((1, 1, 2))
    )
    assert first.picks == second.picks
    assert set(numbers(first)) != set(numbers(other))


def test_typicality(run):
    found = run(entry(EMBEDDINGS, TYPICALITY), entry(SPEED, WEIGHTS))
    assert found.summary["picks"] == len(found)
    assert set(found.picks[-1]["gains"]) == {"TYPICALITY", "WEIGHTS gps.speed"}


def test_objects_of_a_task(run):
    vehicles = {"type": "EMBEDDINGS", "task": "cars"}
    found = run(entry(vehicles, DIVERSITY), entry(vehicles, TYPICALITY), entry(SPEED, WEIGHTS))
    assert {"DIVERSITY cars", "TYPICALITY cars"} <= set(found.picks[-1]["gains"])


@pytest.mark.parametrize(
    "task",
    [
        {"type": "TILING", "name": "parts", "num_rows": 2, "num_cols": 2, "overlap": 0.1},
        {"type": "CROP", "name": "parts", "bboxs": [[0.0, 0.0, 0.5, 1.0], [0.4, 0.2, 1.0, 0.9]]},
    ],
    ids=lambda task: task["type"],
)
def test_objects_of_auto_tasks(run, task):
    found = run(entry({"type": "EMBEDDINGS", "task": "parts"}, DIVERSITY), top={"auto_tasks": [task]})
    scenes = {frame // 12 for frame in numbers(found)}
    assert len(scenes) >= (6 if run.mode == "budget" else 4)


def test_several_tasks_at_once(run):
    found = run(
        DIVERSE,
        entry(LIGHTS, UNIFORM),
        entry(ENTROPY, WEIGHTS, strength=0.5),
        entry({"type": "EMBEDDINGS", "task": "cars"}, DIVERSITY),
        threshold(COUNT, "SMALLER", 3),
    )
    assert all(len(objects(frame)) < 3 for frame in numbers(found))
    assert found.picks[-1]["signals"].keys() == {
        "light.CLASS_DISTRIBUTION",
        "cars.uncertainty_entropy",
        "cars.CATEGORY_COUNT",
    }
