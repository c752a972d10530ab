"""What a run tells of each pick and of itself: signals, gains, reasons; strategies and the curve."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import streamsel as library
from tests.run.drive import (
    BUSES,
    CLASSES,
    DIVERSE,
    FRAMES,
    LUMINANCE,
    MODES,
    SPEED,
    STREAM,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    config,
    decisions,
    entry,
    name,
    numbers,
    objects,
    speed,
    threshold,
    weather,
)

pytestmark = pytest.mark.usefixtures("quick_model")

SELECTION = config(
    DIVERSE,
    entry(SPEED, WEIGHTS, strength=2.0),
    entry(BUSES, WEIGHTS),
    entry(CLASSES, UNIFORM),
    threshold(WEATHER, "NOT_IN", ["fog"]),
    threshold(LUMINANCE, "BIGGER", 0),
    constraints=[{"type": "INCLUDE", "names": [name(31)]}],
)
GOALS = {"DIVERSITY", "WEIGHTS gps.speed", "WEIGHTS cars bus", "BALANCE cars"}


@pytest.fixture(scope="module", params=MODES)
def found(request, data_set, tmp_path_factory):
    out = tmp_path_factory.mktemp("told") / "out"
    return library.select(data_set, out, selection=SELECTION, **MODES[request.param])


def test_signals_are_what_was_read_and_measured(found):
    for pick, frame in zip(found.picks, numbers(found), strict=True):
        said = dict(pick["signals"])
        assert 0 < said.pop("lightly.luminance") < 100
        counts = said.pop("cars.CLASS_DISTRIBUTION")
        assert sum(counts.values()) == pytest.approx(len(objects(frame)))
        assert said == {
            "gps.speed": speed(frame),
            "cars.CATEGORY_COUNT.bus": objects(frame).count(1),
            "weather": weather(frame),
        }
    table = pq.read_table(found.folder / "manifest.parquet").to_pylist()
    assert [json.loads(row["signals"]) for row in table] == [pick["signals"] for pick in found.picks]


def test_gains_and_reasons(found):
    reasons = [pick["reason"] for pick in found.picks]
    assert set(reasons) <= {"first", "greedy", "ratio", "constraint INCLUDE"}
    for pick in found.picks[1:]:
        assert set(pick["gains"]) == GOALS
        assert np.isfinite(list(pick["gains"].values())).all()
        assert pick["distance"] >= 0
    earlier = {pick["id"]: place for place, pick in enumerate(found.picks)}
    assert found.picks[0]["nearest"] is None
    assert all(earlier[pick["nearest"]] < place for place, pick in enumerate(found.picks) if place)
    vectors = np.load(found.folder / "embeddings.npy")
    for place, pick in enumerate(found.picks[1:], start=1):
        gap = np.linalg.norm(vectors[place] - vectors[earlier[pick["nearest"]]])
        assert gap == pytest.approx(pick["distance"], abs=1e-3)
    assert 31 in numbers(found)


def test_reasons_of_drops(found):
    rows = decisions(found)
    reasons = {row["reason"] for row in rows if row["decision"] == "drop"}
    assert reasons <= {"budget", "ratio", "held", "threshold weather"}
    counted = {
        reason: sum(r["count"] for r in rows if r["decision"] == "drop" and r["reason"] == reason) for reason in reasons
    }
    assert {reason: count for reason, count in found.summary["drops"].items() if count} == counted
    foggy = [row for row in rows if row["reason"] == "threshold weather"]
    assert {row["nearest"] for row in foggy} == {-1}


def test_what_was_asked_for_beside_what_was_reached(found):
    told = found.summary["strategies"]
    assert set(told) == {*GOALS, "THRESHOLD weather", "THRESHOLD lightly.luminance"}
    clear = sum(weather(frame) != "fog" for frame in range(FRAMES))
    assert told["THRESHOLD weather"] == {"asked": "NOT_IN fog", "passed": clear, "rows": FRAMES}
    speeds = [speed(frame) for frame in numbers(found)]
    assert told["WEIGHTS gps.speed"]["strength"] == 2.0
    assert told["WEIGHTS gps.speed"]["reached_mean"] == pytest.approx(np.mean(speeds))
    assert told["WEIGHTS gps.speed"]["reached_sum"] == pytest.approx(np.sum(speeds))
    assert told["WEIGHTS cars bus"]["reached_sum"] == sum(objects(frame).count(1) for frame in numbers(found))
    shares = told["BALANCE cars"]["shares"]
    assert sum(share["reached"] for share in shares.values()) == pytest.approx(1)
    for label in GOALS:
        assert told[label]["gain"] == pytest.approx(sum(pick["gains"].get(label, 0.0) for pick in found.picks))


def test_the_curve_of_a_budget(data_set, tmp_path):
    found = library.select(data_set, tmp_path / "out", selection=SELECTION, n=8)
    curve = found.summary["curve"]
    assert [point["picks"] for point in curve][-1] == 8
    assert curve[-1]["potential"] == pytest.approx(sum(sum(pick["gains"].values()) for pick in found.picks))
    assert curve[-1]["distance"] == pytest.approx(found.picks[-1]["distance"])
    assert "curve" not in library.select(data_set, tmp_path / "stream", selection=SELECTION, **STREAM).summary


def test_the_config_comes_out_as_it_can_be_used_again(found, data_set, tmp_path):
    written = json.loads((found.folder / "selection.json").read_text())
    assert written["strategies"] == json.loads(json.dumps(SELECTION["strategies"]))
    goal = {"target_ratio": written.pop("proportion_samples")} if "proportion_samples" in written else {}
    again = library.select(data_set, tmp_path / "again", selection=written, **goal)
    assert again.picks == found.picks
