"""How much a frame would teach a model: the scores of active learning, from what the model predicted.

Pure functions over arrays; higher is more useful. Uncertainty as in B. Settles, Active Learning Literature Survey
(University of Wisconsin-Madison, TR 1648, 2009), section 3.1, each scaled so that one-hot gives 0 and uniform 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.signals.nearest import unknown
from streamsel.signals.schema import TaskSchema

__all__ = [
    "FREQUENCY_PENALTY",
    "UNCERTAINTIES",
    "check_score",
    "entropy",
    "least_confidence",
    "margin",
    "mean_uncertainty",
    "object_frequency",
    "objectness_least_confidence",
    "scale_object_frequency",
    "scores_of",
]

FREQUENCY_PENALTY = 0.25
Floats = npt.NDArray[np.float64]


def least_confidence(probabilities: Floats) -> Floats:
    """(M, C) -> (M,), 0..1: (1 - max p) / (1 - 1 / C)."""
    p = _shares(probabilities)
    return _clipped((1 - p.max(axis=1)) / (1 - 1 / p.shape[1]))


def margin(probabilities: Floats) -> Floats:
    """(M, C) -> (M,), 0..1: 1 - (p1 - p2), of the two largest."""
    two = np.partition(_shares(probabilities), -2, axis=1)[:, -2:]
    return _clipped(1 - (two[:, 1] - two[:, 0]))


def entropy(probabilities: Floats) -> Floats:
    """(M, C) -> (M,), 0..1: -sum p log p / log C."""
    p = _shares(probabilities)
    logarithms = np.log(p, where=p > 0, out=np.zeros_like(p))
    return _clipped(-(p * logarithms).sum(axis=1) / np.log(p.shape[1]))


UNCERTAINTIES = {
    "uncertainty_least_confidence": least_confidence,
    "uncertainty_margin": margin,
    "uncertainty_entropy": entropy,
}
_OBJECTS = (*UNCERTAINTIES, "objectness_least_confidence", "object_frequency")
_SCORES = {
    "classification": tuple(UNCERTAINTIES),
    "object-detection": _OBJECTS,
    "instance-segmentation": _OBJECTS,
    "semantic-segmentation": tuple(UNCERTAINTIES),
    "keypoint-detection": ("mean_uncertainty",),
}


def objectness_least_confidence(scores: Sequence[float]) -> float:
    """0..1: 1 - mean score of a frame's objects; 0 without objects."""
    return 1 - float(np.clip(np.mean(scores), 0, 1)) if len(scores) else 0.0


def object_frequency(categories: Sequence[int], penalty: float = FREQUENCY_PENALTY) -> float:
    """How many objects a frame has, 0 or more: the first of a class counts 1, each further one `penalty` (0..1).

    Not scaled: see `scale_object_frequency`.
    """
    classes = len({*categories})
    return classes + penalty * (len(categories) - classes)


def scale_object_frequency(
    values: npt.ArrayLike, low: float | None = None, high: float | None = None, min_score: float = 0.9
) -> Floats:
    """(N,) raw object frequencies -> (N,), min_score..1: linear between the smallest and the largest of the data set.

    low, high: these two, where they are known otherwise: a stream gives those of all frames so far. Values outside
    are clipped; where low is high, all are 1.
    """
    raw = np.asarray(values, np.float64)
    if not raw.size:
        return raw
    low, high = float(raw.min()) if low is None else low, float(raw.max()) if high is None else high
    if high <= low:
        return np.ones_like(raw)
    return min_score + (1 - min_score) * np.clip((raw - low) / (high - low), 0, 1)


def mean_uncertainty(confidences: Sequence[Sequence[float]]) -> float:
    """0..1: 1 - mean, over a frame's instances, of the mean confidence of their keypoints; 0 without instances."""
    means = [np.mean(instance) for instance in confidences]
    return 1 - float(np.clip(np.mean(means), 0, 1)) if means else 0.0


def scores_of(schema: TaskSchema) -> tuple[str, ...]:
    """The scores that fit the type of a task."""
    return _SCORES[schema.kind]


def check_score(schema: TaskSchema, score: str) -> str:
    """The score, when it fits the task. Raises UsageError with those that do."""
    fitting = scores_of(schema)
    everywhere = {name for names in _SCORES.values() for name in names}
    if score in everywhere and score not in fitting:
        raise UsageError(
            f"score {score!r} is not for task {schema.task!r}, which is {schema.kind}; it has {', '.join(fitting)}"
        )
    if score not in fitting:
        raise unknown("score", score, fitting, f"task {schema.task!r} ({schema.kind})")
    return score


def _shares(probabilities: Floats) -> Floats:
    """(M, C) of sums 1; a single column is binary, the rest belongs to 'something else'."""
    p = _clipped(np.asarray(probabilities, np.float64))
    if p.shape[1] == 1:
        return np.hstack([p, 1 - p])
    shares: Floats = p / np.maximum(p.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return shares


def _clipped(values: Floats) -> Floats:
    clipped: Floats = np.clip(values, 0, 1)
    return clipped
