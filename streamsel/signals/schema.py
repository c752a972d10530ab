"""What a prediction task predicts: its type, its categories and their keypoints (`TASK/schema.json`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from streamsel.errors import UsageError
from streamsel.signals.mismatch import MismatchError, integer, items, mapping, text
from streamsel.signals.nearest import unknown

__all__ = ["Category", "TaskKind", "TaskSchema", "schema_from_json", "schema_to_json"]

TaskKind = Literal[
    "classification", "object-detection", "semantic-segmentation", "instance-segmentation", "keypoint-detection"
]
KINDS: tuple[TaskKind, ...] = get_args(TaskKind)


@dataclass(frozen=True, slots=True)
class Category:
    """One class of a task. keypoints: their names, in the order of a prediction's; skeleton: pairs of their indices."""

    id: int
    name: str
    keypoints: tuple[str, ...] | None = None
    skeleton: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class TaskSchema:
    """A task and its categories, in the order of their ids (which may have gaps), as `probabilities` are ordered.

    Raises UsageError when ids or names are not distinct, or there is no category.
    """

    task: str
    kind: TaskKind
    categories: tuple[Category, ...]
    positions: dict[int, int] = field(init=False, repr=False, compare=False)
    """Category id -> its place in `categories`."""

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.categories, key=lambda one: one.id))
        object.__setattr__(self, "categories", ordered)
        object.__setattr__(self, "positions", {one.id: place for place, one in enumerate(ordered)})
        if not ordered or min(len(self.positions), len({*self.names})) < len(ordered):
            raise UsageError(f"task {self.task!r}: it needs categories, with distinct ids and distinct names")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the categories, in the order of their ids."""
        return tuple(one.name for one in self.categories)

    def name_of(self, category_id: int) -> str:
        """The name of a category."""
        return self.categories[self.positions[category_id]].name

    def check_category(self, name: str) -> str:
        """The name, when it is that of a category. Raises UsageError with the nearest one."""
        if name not in self.names:
            raise unknown("category", name, self.names, f"task {self.task!r}")
        return name


def schema_from_json(task: str, content: Any) -> TaskSchema:
    """The schema that a `schema.json` holds. Keys that it does not need are passed over. Raises MismatchError."""
    held = mapping(content, "")
    kind = held.get("task_type")
    if kind not in KINDS:
        raise MismatchError("task_type", f"one of {', '.join(KINDS)}", kind)
    listed = items(held.get("categories"), "categories")
    categories = tuple(_category(one, f"categories[{index}]") for index, one in enumerate(listed))
    _refuse_repeated([one.id for one in categories], "id")
    _refuse_repeated([one.name for one in categories], "name")
    if not categories:
        raise MismatchError("categories", "at least one category", listed)
    return TaskSchema(task, kind, categories)


def schema_to_json(schema: TaskSchema) -> dict[str, Any]:
    """What `schema_from_json` reads back as an equal schema."""
    return {"task_type": schema.kind, "categories": [_category_to_json(one) for one in schema.categories]}


def _category(content: Any, place: str) -> Category:
    held = mapping(content, place)
    names = _either(held, "keypoint_names", "keypointNames")
    pairs = _either(held, "keypoint_skeleton", "keypointSkeleton")
    keypoints = None if names is None else _texts(names, f"{place}.keypoint_names")
    skeleton = None if pairs is None else _pairs(pairs, f"{place}.keypoint_skeleton", keypoints)
    return Category(
        integer(held.get("id"), f"{place}.id", 0), text(held.get("name"), f"{place}.name"), keypoints, skeleton
    )


def _either(held: dict[str, Any], name: str, otherwise: str) -> Any:
    """Users' files have both spellings: that of the other keys of the file, and that of the API."""
    return held.get(name, held.get(otherwise))


def _texts(content: Any, place: str) -> tuple[str, ...]:
    return tuple(text(one, f"{place}[{index}]") for index, one in enumerate(items(content, place)))


def _pairs(content: Any, place: str, keypoints: tuple[str, ...] | None) -> tuple[tuple[int, int], ...]:
    pairs = []
    for index, pair in enumerate(items(content, place)):
        inside = isinstance(pair, list) and len(pair) == 2 and all(type(one) is int and one >= 0 for one in pair)
        if not inside or (keypoints is not None and max(pair) >= len(keypoints)):
            raise MismatchError(f"{place}[{index}]", "a pair of places among the keypoint names, from 0", pair)
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def _refuse_repeated(values: list[Any], key: str) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise MismatchError(f"categories[{index}].{key}", "one that no category before it has", value)


def _category_to_json(category: Category) -> dict[str, Any]:
    content: dict[str, Any] = {"id": category.id, "name": category.name}
    if category.keypoints is not None:
        content["keypoint_names"] = list(category.keypoints)
    if category.skeleton is not None:
        content["keypoint_skeleton"] = [list(pair) for pair in category.skeleton]
    return content
