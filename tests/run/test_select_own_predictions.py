"""What a task predicts of an object alone, where its objects are what is selected."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import streamsel as library
from streamsel.errors import SourceError
from streamsel.signals.predictions import Prediction
from streamsel.signals.scores import UNCERTAINTIES
from streamsel.signals.writing import write_prediction, write_task
from tests.run.drive import (
    BUSES,
    CARS,
    CLASSES,
    COUNT,
    DIVERSE,
    ENTROPY,
    FRAMES,
    LIGHTS,
    MODES,
    UNIFORM,
    WEIGHTS,
    config,
    entry,
    name,
    number,
    objects,
    threshold,
)

pytestmark = pytest.mark.usefixtures("quick_model")

TRAMS = {"type": "BALANCE", "distribution": "TARGET", "target": {"tram": 1.0}}


@pytest.fixture(scope="module")
def unequal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four objects a frame, each less sure than the one before it."""
    folder = tmp_path_factory.mktemp("unequal") / ".lightly"
    write_task(folder, CARS)
    for frame in range(FRAMES):
        found = [
            Prediction(0, 0.9 - place / 10, sureness(place), bbox=(10.0 + 30 * place, 20.0, 28.0, 40.0))
            for place in range(4)
        ]
        write_prediction(folder, CARS, name(frame), found)
    return folder


def sureness(place: int) -> tuple[float, ...]:
    return (0.9 - place / 10, 0.05 + place / 20, 0.05 + place / 20)


@pytest.mark.parametrize("mode", MODES)
def test_each_object_has_its_own_score(mode: str, data_set: Path, unequal: Path, tmp_path: Path) -> None:
    sure = {"type": "SCORES", "task": "cars", "score": "objectness_least_confidence"}
    selection = config(entry(ENTROPY, WEIGHTS), entry(sure, WEIGHTS, strength=0.1))
    found = library.select(
        data_set, tmp_path / "out", objects="cars", selection=selection, lightly=unequal, **MODES[mode]
    )
    scores = UNCERTAINTIES["uncertainty_entropy"]([sureness(place) for place in range(4)])
    for pick in found.picks:
        assert pick["signals"]["cars.uncertainty_entropy"] == pytest.approx(scores[pick["object"]])
        assert pick["signals"]["cars.objectness_least_confidence"] == pytest.approx(0.1 + pick["object"] / 10)
    if mode == "budget":
        assert {pick["object"] for pick in found.picks} == {3}
        told = found.summary["strategies"]["WEIGHTS cars uncertainty_entropy"]
        assert told["input_mean"] != pytest.approx(max(scores)), "that of frames is another"


@pytest.mark.parametrize("mode", MODES)
def test_thresholds_are_passed_by_each_object(mode: str, data_set: Path, tmp_path: Path) -> None:
    selection = config(DIVERSE, threshold(BUSES, "BIGGER", 0), threshold(COUNT, "EQUAL", 1))
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=selection, **MODES[mode])
    assert {pick["label"] for pick in found.picks} == {"bus"}
    assert all(pick["signals"]["cars.CATEGORY_COUNT"] == 1 for pick in found.picks)
    drops = found.summary["objects"]["drops"]
    if mode == "budget":
        assert drops["threshold cars bus"] == sum(one != 1 for frame in range(FRAMES) for one in objects(frame))


def test_balance_counts_objects(data_set: Path, tmp_path: Path) -> None:
    selection = config(entry(CLASSES, TRAMS), entry(LIGHTS, UNIFORM, strength=0.01))
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=selection, n=9)
    shares = [pick["signals"]["cars.CLASS_DISTRIBUTION"] for pick in found.picks]
    assert all(sum(share.values()) == pytest.approx(1) for share in shares)
    assert {pick["label"] for pick in found.picks} == {"tram"}
    told = found.summary["strategies"]["BALANCE cars"]["shares"]["tram"]
    assert told["reached"] == pytest.approx(sum(share["tram"] for share in shares) / 9)
    assert told["input"] < 0.5, "that of all objects of all frames"
    light = found.picks[0]["signals"]["light.CLASS_DISTRIBUTION"]
    assert set(light.values()) == {0.75, 0.25}, "that of the frame"


@pytest.mark.parametrize("mode", MODES)
def test_at_most_one_object_of_a_class(mode: str, data_set: Path, tmp_path: Path) -> None:
    quota = {"type": "AT_MOST", "count": 1, "per": {"type": "PREDICTIONS", "task": "cars"}}
    selection = config(DIVERSE, constraints=[quota])
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=selection, **MODES[mode])
    assert Counter(pick["label"] for pick in found.picks) == {"car": 1, "bus": 1, "tram": 1}
    frames = Counter(map(number, found.picks))
    assert sum(frames.values()) == 3


def test_what_is_lacking_names_the_prediction(data_set: Path, tmp_path: Path) -> None:
    lightly = tmp_path / ".lightly"
    write_task(lightly, CARS)
    for frame in range(FRAMES):
        two = [Prediction(0, 0.5, place, bbox=(10.0, 20.0, 28.0, 40.0)) for place in (sureness(0), None)]
        write_prediction(lightly, CARS, name(frame), two)
    selection = config(entry(ENTROPY, WEIGHTS))
    with pytest.raises(SourceError, match=r"day-00-mp4.json: predictions\[1\].probabilities: missing"):
        library.select(data_set, tmp_path / "out", objects="cars", selection=selection, lightly=lightly, n=3)
