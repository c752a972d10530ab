"""Signals that come from predictions: scores, numbers of objects, class distributions.

A frame without a file and a frame where nothing was detected both have no objects here: score and count 0, an empty
distribution. `PredictionFiles.of` tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from streamsel.data import Frame, Value
from streamsel.errors import SourceError, UsageError
from streamsel.signals.combine import Kind
from streamsel.signals.distribution import category_count, class_count, class_distribution
from streamsel.signals.prediction_files import PredictionSource
from streamsel.signals.predictions import Prediction
from streamsel.signals.rle import area
from streamsel.signals.scores import (
    UNCERTAINTIES,
    check_score,
    mean_uncertainty,
    object_frequency,
    objectness_least_confidence,
    scores_of,
)

__all__ = ["CategoryCount", "ClassCount", "ClassDistribution", "ScoreSignal"]

Predictions = Sequence[Prediction]


class ScoreSignal:
    """A score of a task: one number per frame, 0..1; `object_frequency` is raw, see `scale_object_frequency`.

    Uncertainties are reduced to one number per frame: the largest of its predictions; of a semantic segmentation the
    mean over pixels, each having the probabilities of its mask. Raises UsageError for a score that does not fit the
    task, and SourceError for a prediction that lacks the probabilities that the score is made of.
    """

    kind: Kind = "number"

    def __init__(self, task: PredictionSource, score: str) -> None:
        self.task = task
        self.score = check_score(task.schema, score)
        self.key = f"{task.schema.task}.{score}"

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`."""
        found = [self.task.of(name) or () for name in names]
        if self.score in UNCERTAINTIES:
            return list(self._uncertainties(found, names))
        return [self._of_objects(predictions) for predictions in found]

    def _of_objects(self, predictions: Predictions) -> float:
        if self.score == "object_frequency":
            return object_frequency([one.category_id for one in predictions])
        if self.score == "mean_uncertainty":
            return mean_uncertainty([(one.keypoints or ())[2::3] for one in predictions])
        return objectness_least_confidence([one.score or 0.0 for one in predictions])

    def _uncertainties(self, found: Sequence[Predictions], names: Sequence[str]) -> Iterator[float]:
        rows = [
            self._probabilities(one, name, index)
            for predictions, name in zip(found, names, strict=True)
            for index, one in enumerate(predictions)
        ]
        values = iter(UNCERTAINTIES[self.score](np.array(rows)).tolist() if rows else ())
        for predictions in found:
            yield self._reduced(predictions, [next(values) for _ in predictions])

    def _reduced(self, predictions: Predictions, values: Sequence[float]) -> float:
        if self.task.schema.kind != "semantic-segmentation":
            return max(values, default=0.0)
        areas = [area(one.segmentation or ()) for one in predictions]
        return float(np.average(values, weights=areas)) if any(areas) else 0.0

    def _probabilities(self, one: Prediction, name: str, index: int) -> tuple[float, ...]:
        if one.probabilities is None:
            others = [score for score in scores_of(self.task.schema) if score not in UNCERTAINTIES]
            advice = f", or use {' or '.join(others)}" if others else ""
            raise SourceError(
                f"{self.task.place(name, index)}.probabilities: missing; {self.score} of task "
                f"{self.task.schema.task!r} is made of them: add them{advice}"
            )
        return one.probabilities


class CategoryCount:
    """CATEGORY_COUNT: how many of a frame's predictions are of these categories; None: of any. An int, 0 or more.

    Raises UsageError for a category that the schema lacks, with the nearest one, or when none is named.
    """

    kind: Kind = "counts"

    def __init__(self, task: PredictionSource, categories: Sequence[str] | None = None) -> None:
        self.task = task
        self.categories = None if categories is None else self._checked(categories)
        self.key = f"{task.schema.task}.CATEGORY_COUNT" + (f":{','.join(categories)}" if categories else "")

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`."""
        return [category_count(self.task.schema, self.task.of(name) or (), self.categories) for name in names]

    def _checked(self, categories: Sequence[str]) -> frozenset[str]:
        chosen = frozenset(self.task.schema.check_category(name) for name in categories)
        if not chosen or len(chosen) < len(categories):
            raise UsageError(f"categories of task {self.task.schema.task!r} must be distinct names, at least one")
        return chosen


class ClassDistribution:
    """CLASS_DISTRIBUTION: {class: amount} of a frame, see `class_distribution`; `classes` are all of the schema."""

    kind: Kind = "counts"

    def __init__(self, task: PredictionSource) -> None:
        self.task = task
        self.key = f"{task.schema.task}.CLASS_DISTRIBUTION"
        self.classes = task.schema.names

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`."""
        return [self._of(name) for name in names]

    def _of(self, name: str) -> Mapping[str, float]:
        return class_distribution(self.task.schema, self.task.of(name) or ())


class ClassCount:
    """CLASSES: {class: number of predictions} of a frame, see `class_count`; `classes` are all of the schema."""

    kind: Kind = "counts"

    def __init__(self, task: PredictionSource) -> None:
        self.task = task
        self.key = f"{task.schema.task}.CLASSES"
        self.classes = task.schema.names

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`."""
        return [class_count(self.task.schema, self.task.of(name) or ()) for name in names]
