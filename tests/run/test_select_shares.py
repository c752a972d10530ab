"""Shares of BALANCE are of all that can be chosen: without what filters took, and over all runs of a folder."""

from __future__ import annotations

import shutil

import pytest

import streamsel as library
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.predictions import Prediction
from streamsel.signals.writing import write_metadata, write_metadata_schema, write_prediction, write_task
from tests.run.drive import (
    CARS,
    CLASSES,
    DAY,
    DIVERSE,
    FRAMES,
    SPEED,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    config,
    entry,
    name,
    speed,
    threshold,
    weather,
)

pytestmark = pytest.mark.usefixtures("quick_model")

INPUT = {"type": "BALANCE", "distribution": "INPUT"}
GOALS = [{"n": 6}, {"target_ratio": 0.1}]


def grown(data_set, folder, out, selection, late, goal):
    """A run over one video, and the summary of one that goes on with another, in which all weather is `late`."""
    folder.mkdir()
    shutil.copy(data_set / "day.mp4", folder)
    write_metadata_schema(
        folder / ".lightly", [Entry("weather", "CATEGORICAL_STRING"), Entry("gps.speed", "NUMERIC_FLOAT")]
    )
    for frame in range(FRAMES):
        known = weather(frame) if frame < DAY else late
        told = {"gps": {"speed": speed(frame)}, **({"weather": known} if known else {})}
        write_metadata(folder / ".lightly", name(frame), told, "frame")
    library.select(folder, out, selection=selection, **goal)
    shutil.copytree(data_set / "sub", folder / "sub")
    return library.select(folder, out, selection=selection, only_new=True, **goal)


@pytest.mark.parametrize("late", ["sunny", "snow", None])
@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_uniform_over_all_that_ever_came(goal, late, data_set, tmp_path):
    selection = config(DIVERSE, entry(WEATHER, UNIFORM))
    found = grown(data_set, tmp_path / "in", tmp_path / "out", selection, late, goal)
    shares = found.summary["strategies"]["BALANCE weather"]["shares"]
    classes = {"fog", "rain", "sunny", *({late} if late else ())}
    assert {one for one, share in shares.items() if share["target"]} == classes
    assert all(share["target"] == pytest.approx(1 / len(classes)) for share in shares.values())
    known = [one for pick in found.picks for one in pick["signals"]["weather"] or ()]
    for one, share in shares.items():
        assert share["reached"] == pytest.approx(known.count(one) / len(known))


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_sums_and_means_are_over_all_that_ever_came(goal, data_set, tmp_path):
    selection = config(DIVERSE, entry(SPEED, WEIGHTS), entry(WEATHER, INPUT))
    found = grown(data_set, tmp_path / "in", tmp_path / "out", selection, "snow", goal)
    told = found.summary["strategies"]
    assert told["WEIGHTS gps.speed"]["input_mean"] == pytest.approx(sum(map(speed, range(FRAMES))) / FRAMES)
    picked = [pick["signals"]["gps.speed"] for pick in found.picks]
    assert told["WEIGHTS gps.speed"]["reached_sum"] == pytest.approx(sum(picked))
    assert told["BALANCE weather"]["shares"]["snow"]["input"] == pytest.approx((FRAMES - DAY) / FRAMES)


@pytest.mark.parametrize("how", [UNIFORM, INPUT], ids=["UNIFORM", "INPUT"])
def test_classes_that_a_filter_takes_from_objects_have_no_share(how, data_set, tmp_path):
    shutil.copytree(data_set, tmp_path / "in", ignore=shutil.ignore_patterns(".lightly"))
    lightly = tmp_path / "in/.lightly"
    write_task(lightly, CARS)
    for frame in range(FRAMES):
        boxes = [(category, (10.0 + 40 * place, 20.0, 32.0, 40.0)) for place, category in enumerate((0, 1, 4))]
        write_prediction(lightly, CARS, name(frame), [Prediction(one, 0.9, bbox=box) for one, box in boxes])
    label = {"type": "METADATA", "key": "label"}
    selection = config(DIVERSE, entry(CLASSES, how), threshold(label, "NOT_IN", ["tram"]))
    found = library.select(tmp_path / "in", tmp_path / "out", selection=selection, objects="cars", n=12)
    shares = found.summary["strategies"]["BALANCE cars"]["shares"]
    assert {one: share["target"] for one, share in shares.items()} == {"car": 0.5, "bus": 0.5, "tram": 0.0}
    assert all(shares[one]["reached"] == pytest.approx(0.5, abs=0.1) for one in ("car", "bus"))
