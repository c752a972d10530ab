"""What a model says of one frame (`TASK/<path>.json`): a list of predictions, each checked against the task's schema.

The file is `{"file_name": ..., "predictions": [...]}`; where it lies decides to which frame it belongs, `file_name` is
not compared. Keys that the format does not know are passed over. A list that is empty says that nothing was detected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamsel.data import Box
from streamsel.errors import UsageError
from streamsel.signals.mismatch import MismatchError, items, mapping, numbers, share, shares
from streamsel.signals.rle import check_runs
from streamsel.signals.schema import TaskSchema

__all__ = ["Prediction", "boxes_of", "predictions_from_json", "predictions_to_json"]

Rectangle = tuple[float, float, float, float]

BOXED = {"object-detection", "instance-segmentation", "keypoint-detection"}
MASKED = {"semantic-segmentation", "instance-segmentation"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """One thing predicted. What its task type does not have is None.

    score: 0..1. probabilities: one per category of the schema, in the order of ids, summing to 1 (within what rounding
    to three decimals leaves); of a schema with one category, 0..1. bbox: x, y, width, height in pixels from the top
    left. segmentation: run lengths of the mask, see `rle`. keypoints: x, y, confidence (0..1) of each in turn.
    """

    category_id: int
    score: float | None = None
    probabilities: tuple[float, ...] | None = None
    bbox: Rectangle | None = None
    segmentation: tuple[int, ...] | None = None
    keypoints: tuple[float, ...] | None = None


def predictions_from_json(schema: TaskSchema, content: Any) -> tuple[Prediction, ...]:
    """The predictions that a frame's file holds. Raises MismatchError, with a place such as `predictions[3].bbox`."""
    listed = items(mapping(content, "").get("predictions"), "predictions")
    predictions = []
    for index, one in enumerate(listed):
        try:
            predictions.append(_prediction(schema, one))
        except MismatchError as mismatch:
            raise mismatch.within(f"predictions[{index}]") from None
    return tuple(predictions)


def predictions_to_json(name: str, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """What `predictions_from_json` reads back as equal predictions."""
    return {"file_name": name, "predictions": [_to_json(one) for one in predictions]}


def boxes_of(schema: TaskSchema, predictions: Sequence[Prediction]) -> list[Box]:
    """The objects of a frame, in the order of its predictions.

    A keypoint prediction without `bbox` gets the smallest box around its keypoints of confidence above 0, and none
    when there is no such keypoint. Raises UsageError for a task whose predictions have no place in the frame.
    """
    if schema.kind not in BOXED:
        have = ", ".join(sorted(BOXED))
        raise UsageError(
            f"task {schema.task!r} is {schema.kind}, which has no boxes; name a task that is one of {have}"
        )
    placed = ((index, one, one.bbox or _around(one.keypoints or ())) for index, one in enumerate(predictions))
    return [
        Box(*place, schema.name_of(one.category_id), 1.0 if one.score is None else one.score, index, schema.task)
        for index, one, place in placed
        if place
    ]


def _prediction(schema: TaskSchema, content: Any) -> Prediction:
    held = mapping(content, "")
    category = held.get("category_id")
    if type(category) is not int or category not in schema.positions:
        raise MismatchError("category_id", f"an id of the schema of task {schema.task!r}", category)
    return Prediction(
        category,
        _score(schema, held.get("score")),
        _probabilities(schema, held.get("probabilities")),
        _bbox(schema, held.get("bbox")) if schema.kind in BOXED else None,
        check_runs(held.get("segmentation"), "segmentation") if schema.kind in MASKED else None,
        _keypoints(schema, category, held.get("keypoints")) if schema.kind == "keypoint-detection" else None,
    )


def _score(schema: TaskSchema, value: Any) -> float | None:
    return None if value is None and schema.kind == "classification" else share(value, "score")


def _probabilities(schema: TaskSchema, value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    count = len(schema.categories)
    if type(value) is not list or len(value) != count:
        found = f"{len(value)} of them" if isinstance(value, list) else value
        raise MismatchError("probabilities", f"{count} numbers, one per category in the order of ids", found)
    probabilities = shares(value, "probabilities")
    if count > 1 and abs(sum(probabilities) - 1) > 1e-3 + 5e-4 * count:
        raise MismatchError("probabilities", "numbers that sum to 1", sum(probabilities))
    return probabilities


def _bbox(schema: TaskSchema, value: Any) -> Rectangle | None:
    if value is None and schema.kind == "keypoint-detection":
        return None
    expected = "[x, y, width, height]"
    if type(value) is not list or len(value) != 4:
        raise MismatchError("bbox", expected, value)
    x, y, width, height = numbers(value, "bbox")
    if width < 0 or height < 0:
        raise MismatchError("bbox", f"{expected} with width and height of 0 or more", value)
    return x, y, width, height


def _keypoints(schema: TaskSchema, category: int, value: Any) -> tuple[float, ...]:
    expected = "[x1, y1, confidence1, x2, ...], three numbers for each keypoint"
    if type(value) is not list:
        raise MismatchError("keypoints", expected, value)
    values = numbers(value, "keypoints")
    named = schema.categories[schema.positions[category]].keypoints
    if not values or len(values) % 3 or (named is not None and len(values) != 3 * len(named)):
        right = expected if named is None else f"{expected} of the {len(named)} that the schema names"
        raise MismatchError("keypoints", right, f"{len(values)} numbers")
    for index, confidence in enumerate(values[2::3]):
        share(confidence, f"keypoints[{3 * index + 2}]")
    return values


def _around(keypoints: Sequence[float]) -> Rectangle | None:
    seen = [place for place in range(0, len(keypoints), 3) if keypoints[place + 2] > 0]
    if not seen:
        return None
    xs, ys = [keypoints[place] for place in seen], [keypoints[place + 1] for place in seen]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _to_json(one: Prediction) -> dict[str, Any]:
    given = {name: getattr(one, name) for name in Prediction.__slots__}
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value is not None
    }
