"""Predictions that come with a picture: as if they lay in its file, which they go before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config import read_selection
from streamsel.decode.picture import StillPicture
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.lane import Taken
from streamsel.lanes.making import Lanes
from tests.lanes.kept import Keeper, kept_by
from tests.lanes.made_lanes import DIVERSITY, FREQUENCY, Flat, cut, predictions, rows

MOST = 60
GOAL = WindowGoal(5, 20.0)
CLASSES = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}
SURE = {"type": "SCORES", "task": "cars", "score": "objectness_least_confidence"}
SELECTIONS: dict[str, dict[str, Any]] = {
    "scores": {"strategies": [{"input": FREQUENCY, "strategy": {"type": "WEIGHTS"}}, DIVERSITY]},
    "classes": {
        "strategies": [{"input": CLASSES, "strategy": {"type": "BALANCE", "distribution": "UNIFORM"}}, DIVERSITY]
    },
    "embeddings": {
        "strategies": [{"input": {"type": "EMBEDDINGS", "task": "cars"}, "strategy": {"type": "DIVERSITY"}}]
    },
    "objects": {
        "strategies": [{"input": SURE, "strategy": {"type": "WEIGHTS"}}, DIVERSITY],
        "worker": {"object_level": {"task_name": "cars"}},
    },
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the predictions of each frame."""
    return predictions(tmp_path_factory.mktemp("files"), MOST)


@pytest.fixture(scope="module")
def bare(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that says what the task is, and of most frames something else than they do themselves."""
    made = tmp_path_factory.mktemp("bare")
    copytree(files, made, dirs_exist_ok=True)
    for number in range(0, MOST, 2):
        task(made, number).unlink()
        task(made, number + 1).write_text("{")
    return made


def task(folder: Path, number: int) -> Path:
    return folder / ".lightly/predictions/cars" / f"cam-{number}.json"


def timed(files: Path, *, carrying: bool) -> list[Taken]:
    made = []
    for number, row in enumerate(rows(MOST)):
        pixels = np.random.default_rng(number // 2).integers(0, 255, (16, 16, 3)).astype(np.uint8)
        frame = replace(row.frame, picture=StillPicture(pixels), signals={})
        told = {"cars": json.loads(task(files, number).read_text())["predictions"], "others": [{}]}
        own = told if carrying else {}
        made.append(replace(row, frame=frame, when=1e9 + number, predictions=own))
    return made


def lanes(kind: str, folder: Path, window: WindowGoal | None) -> Lanes:
    ratio = None if window else 0.3
    return Lanes(read_selection(SELECTIONS[kind]), Flat(), target_ratio=ratio, window=window, lightly=folder)


@pytest.mark.parametrize("window", [None, GOAL], ids=["at once", "by window"])
@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=4)
@given(places=st.lists(st.integers(0, MOST), max_size=6), anew=st.booleans())
def test_they_decide_as_their_files_would(kind, window, places, anew, files, bare):
    wanted = kept_by(lanes(kind, files, window), [timed(files, carrying=False)])
    brought = kept_by(lanes(kind, bare, window), cut(timed(files, carrying=True), places), anew=anew)
    assert brought.picks == wanted.picks
    assert brought.verdicts == wanted.verdicts
    assert len(wanted.picks) > 5


def verdicts(kind: str, folder: Path, told: Sequence[dict[str, list[Any]]]) -> list[str]:
    taken = [replace(row, predictions=one) for row, one in zip(timed(folder, carrying=False), told, strict=False)]
    keeper = Keeper()
    keeper.take(lanes(kind, folder, None).lane(0), taken)
    return [one.unusable for one in keeper.verdicts]


def test_what_does_not_fit_its_task_is_told_and_the_next_frame_has_its_own(files):
    wrong = {"cars": [{"category_id": 7, "bbox": [0, 0, 1, 1], "score": 0.5}]}
    (first, second, third) = verdicts("scores", files, [wrong, {}, {"cars": []}])
    assert first == (
        "header predictions, task 'cars': predictions[0].category_id: expected an id of the schema of task 'cars'"
    )
    assert (second, third) == ("", "")


KEYS = ["category_id", "bbox", "score", "probabilities"]
NUMBERS = st.integers(-(10**320), 10**320) | st.floats() | st.sampled_from([0, 1, 2, 0.5])
ANY = st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.lists(NUMBERS, max_size=5)
WILD = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, ANY))
BOX = st.fixed_dictionaries(
    {"category_id": st.integers(0, 1), "bbox": st.lists(NUMBERS, min_size=4, max_size=4), "score": st.floats(0, 1)}
)


def test_a_dead_letter_tells_nothing_of_what_they_say(files):
    secrets = ["secret", ["secret"], {"secret": 1}]
    wrong = [{"category_id": 0, "bbox": [0, 0, 1, 1], "score": 0.5, **{key: one}} for key in KEYS for one in secrets]
    told = verdicts("scores", files, [{"cars": [one]} for one in [*secrets[:2], *wrong]])
    assert all(told)
    assert not [why for why in told if "secret" in why]


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=60)
@given(told=st.lists(WILD | BOX | ANY, max_size=3))
def test_whatever_they_say_is_decided_or_told(kind, told, files):
    (why,) = verdicts(kind, files, [{"cars": json.loads(json.dumps(told))}])
    assert ", found " not in why
    assert why.isprintable()
    assert len(why) < 300
