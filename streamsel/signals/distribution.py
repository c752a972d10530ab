"""What classes a frame holds, from its predictions: how many objects of each, and how much probability of each.

Pure functions. Nothing detected and nothing known both give no objects: 0, or an empty distribution.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from streamsel.signals.predictions import Prediction
from streamsel.signals.schema import TaskSchema

__all__ = ["category_count", "class_count", "class_distribution"]


def class_distribution(schema: TaskSchema, predictions: Sequence[Prediction]) -> dict[str, float]:
    """{class: amount}, amounts above 0, in the order of the schema: the sum of the predictions' probabilities.

    So a classification gives its probability vector, and detected objects the sum of theirs. A prediction without
    `probabilities` adds its `score` to its own category, or 1 where it has no score (one-hot).
    """
    vectors = [one.probabilities for one in predictions if one.probabilities is not None]
    amounts: list[float] = [sum(column) for column in zip(*vectors, strict=True)] or [0.0] * len(schema.categories)
    for one in predictions:
        if one.probabilities is None:
            amounts[schema.positions[one.category_id]] += 1.0 if one.score is None else one.score
    return {name: amount for name, amount in zip(schema.names, amounts, strict=True) if amount > 0}


def class_count(schema: TaskSchema, predictions: Sequence[Prediction]) -> dict[str, float]:
    """{class: number of predictions}, above 0, in the order of the schema; each prediction is of one class.

    That is its `category_id`, but of a classification with `probabilities` the most probable class, of equally
    probable ones the first.
    """
    classes = Counter(_class_of(schema, one) for one in predictions)
    return {name: float(classes[name]) for name in schema.names if classes[name]}


def _class_of(schema: TaskSchema, one: Prediction) -> str:
    if schema.kind == "classification" and one.probabilities is not None:
        return schema.names[one.probabilities.index(max(one.probabilities))]
    return schema.name_of(one.category_id)


def category_count(
    schema: TaskSchema, predictions: Sequence[Prediction], categories: Collection[str] | None = None
) -> int:
    """How many predictions are of these categories (their `category_id`, whatever the score); None: of any."""
    if categories is None:
        return len(predictions)
    return sum(schema.name_of(one.category_id) in categories for one in predictions)
