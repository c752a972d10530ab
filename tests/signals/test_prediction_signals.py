from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.errors import SourceError, UsageError
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.prediction_files import PredictionFiles
from streamsel.signals.prediction_signals import CategoryCount, ClassCount, ClassDistribution, ScoreSignal
from streamsel.signals.predictions import Prediction
from streamsel.signals.schema import Category, TaskKind, TaskSchema
from streamsel.signals.writing import write_prediction, write_task

CATEGORIES = (Category(0, "car"), Category(2, "person"), Category(9, "dog"))
EMPTY, UNKNOWN = "empty.png", "unknown.png"


def task(folder: Path, kind: TaskKind, frames: dict[str, list[Prediction]]) -> PredictionFiles:
    """The files of a task where a frame was looked at and empty, and another never looked at."""
    schema = TaskSchema("task", kind, CATEGORIES)
    write_task(folder, schema)
    for name, predictions in {**frames, EMPTY: []}.items():
        write_prediction(folder, schema, name, predictions)
    return LightlyFolder(folder).predictions("task")


def found(category: int, score: float = 1.0, p: tuple[float, ...] | None = None) -> Prediction:
    return Prediction(category, score, p, bbox=(0, 0, 1, 1))


def mask(pixels: int, p: tuple[float, ...]) -> Prediction:
    return Prediction(0, 1.0, p, segmentation=(3, pixels))


ONE_HOT, HALF, UNIFORM = (1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (1 / 3, 1 / 3, 1 / 3)
NAMES = ["a.png", EMPTY, UNKNOWN]


def test_the_most_uncertain_object_counts(tmp_path: Path) -> None:
    objects = [found(0, p=ONE_HOT), found(0, p=HALF)]
    files = task(tmp_path, "object-detection", {"a.png": objects, "b.png": [found(0, p=UNIFORM)]})
    signal = ScoreSignal(files, "uncertainty_least_confidence")
    assert signal.of([], ["b.png", *NAMES]) == pytest.approx([1, 0.75, 0, 0])
    assert signal.key == "task.uncertainty_least_confidence"


def test_a_classification_is_scored_by_its_vector(tmp_path: Path) -> None:
    files = task(tmp_path, "classification", {"a.png": [Prediction(0, None, HALF)]})
    assert ScoreSignal(files, "uncertainty_margin").of([], NAMES) == pytest.approx([1, 0, 0])


def test_masks_are_weighed_by_their_pixels(tmp_path: Path) -> None:
    masks = {"a.png": [mask(30, ONE_HOT), mask(10, UNIFORM)], "b.png": [mask(0, UNIFORM)]}
    signal = ScoreSignal(task(tmp_path, "semantic-segmentation", masks), "uncertainty_entropy")
    assert signal.of([], ["b.png", *NAMES]) == pytest.approx([0, 0.25, 0, 0])


def test_objects_are_scored_without_probabilities(tmp_path: Path) -> None:
    files = task(tmp_path, "object-detection", {"a.png": [found(0, 0.9), found(0, 0.5), found(9, 0.4)]})
    assert ScoreSignal(files, "objectness_least_confidence").of([], NAMES) == pytest.approx([0.4, 0, 0])
    assert ScoreSignal(files, "object_frequency").of([], NAMES) == [2.25, 0, 0]
    with pytest.raises(SourceError, match=r"task/a.json: predictions\[0\].probabilities: missing; .*objectness_least"):
        ScoreSignal(files, "uncertainty_entropy").of([], NAMES)


def test_keypoints_are_scored_by_their_confidence(tmp_path: Path) -> None:
    pose = Prediction(0, 1.0, keypoints=(5, 5, 0.5, 6, 6, 0.7))
    files = task(tmp_path, "keypoint-detection", {"a.png": [pose]})
    assert ScoreSignal(files, "mean_uncertainty").of([], NAMES) == pytest.approx([0.4, 0, 0])


def test_objects_are_counted_by_category(tmp_path: Path) -> None:
    files = task(tmp_path, "object-detection", {"a.png": [found(0), found(0), found(2), found(9)]})
    assert CategoryCount(files).of([], NAMES) == [4, 0, 0]
    assert CategoryCount(files, ["car", "person"]).of([], NAMES) == [3, 0, 0]
    assert CategoryCount(files, ["car"]).key != CategoryCount(files, ["dog"]).key


def test_unknown_categories_name_the_nearest(tmp_path: Path) -> None:
    files = task(tmp_path, "object-detection", {})
    with pytest.raises(UsageError, match="no category 'Car' in task 'task'; did you mean 'car'"):
        CategoryCount(files, ["Car"])
    for categories in ([], ["car", "car"]):
        with pytest.raises(UsageError, match="distinct names, at least one"):
            CategoryCount(files, categories)


def test_distributions_are_sums_of_probabilities(tmp_path: Path) -> None:
    objects = [found(0, 0.9, HALF), found(0, p=ONE_HOT), found(9, 0.25)]
    signal = ClassDistribution(task(tmp_path, "object-detection", {"a.png": objects}))
    assert signal.of([], NAMES) == [{"car": 1.5, "person": 0.5, "dog": 0.25}, {}, {}]
    assert signal.classes == ("car", "person", "dog")


def test_each_prediction_is_of_one_class(tmp_path: Path) -> None:
    objects = [found(0, 0.9, HALF), found(0, 0.2, UNIFORM), found(9, 0.25)]
    signal = ClassCount(task(tmp_path / "objects", "object-detection", {"a.png": objects}))
    assert signal.of([], NAMES) == [{"car": 2.0, "dog": 1.0}, {}, {}]
    assert signal.classes == ("car", "person", "dog")
    sure = {
        "a.png": [Prediction(0, None, (0.2, 0.3, 0.5))],
        "b.png": [Prediction(9, None, HALF)],
        "c.png": [Prediction(2)],
    }
    signal = ClassCount(task(tmp_path / "whole", "classification", sure))
    assert signal.of([], ["a.png", "b.png", "c.png"]) == [{"dog": 1.0}, {"car": 1.0}, {"person": 1.0}]


def test_a_classification_without_probabilities_is_one_hot(tmp_path: Path) -> None:
    frames = {"a.png": [Prediction(2)], "b.png": [Prediction(0, None, HALF)]}
    signal = ClassDistribution(task(tmp_path, "classification", frames))
    assert signal.of([], ["a.png", "b.png"]) == [{"person": 1.0}, {"car": 0.5, "person": 0.5}]
