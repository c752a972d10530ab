"""What an object knows of itself, where objects are what is selected: its name, METADATA `label` and `score`.

INCLUDE names objects then, EXCLUDE frames and objects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Constraint, Names, Quota
from streamsel.data import Box, Mark
from streamsel.rules.filters import listed, stem

__all__ = ["OWN", "frame_of", "object_name", "of_frames", "of_objects", "own_columns"]

OWN: Final = ("label", "score")
"""Keys, which are fields of `streamsel.data.Box`."""


def object_name(frame: str, mark: Mark, box: Box) -> str:
    """What an object is called: its frame's name, and its place among the frame's predictions."""
    return f"{frame if mark.name else frame.removesuffix('.png')}-{box.index}.jpg"


def frame_of(name: str) -> str:
    """The frame on which an object of this name is."""
    return stem(name).rpartition("-")[0] or name


def of_frames(config: SelectionConfig) -> SelectionConfig:
    """What of a config can be told of frames, before there are objects: those that hold an object named must pass."""
    constraints = [_of_frames(one) for one in config.constraints if not (isinstance(one, Quota) and _own(one.per))]
    return _reading(config, lambda read: not _own(read), constraints)


def of_objects(config: SelectionConfig) -> SelectionConfig:
    """What can be told of objects by themselves, before there are vectors."""
    return _reading(config, _own, [one for one in config.constraints if isinstance(one, Names)])


def own_columns(config: SelectionConfig) -> dict[str, str]:
    """Column -> key, of what a config reads of objects themselves."""
    entries = [(entry.column, entry.input) for entry in config.strategies]
    quotas = [(one.column, one.per) for one in config.constraints if isinstance(one, Quota)]
    read: list[tuple[str, Any]] = [*entries, *quotas]
    return {column: one.key for column, one in read if _own(one)}


def _reading(
    config: SelectionConfig, wanted: Callable[[Any], bool], constraints: Sequence[Constraint]
) -> SelectionConfig:
    strategies = tuple(entry for entry in config.strategies if wanted(entry.input))
    return config.model_copy(update={"strategies": strategies, "constraints": tuple(constraints)})


def _of_frames(constraint: Constraint) -> Constraint:
    """An INCLUDE of objects as one of their frames; anything else as it is."""
    if not isinstance(constraint, Names) or constraint.type != "INCLUDE":
        return constraint
    frames = tuple(map(frame_of, listed(constraint)))
    return constraint.model_copy(update={"names": frames, "file": None})


def _own(read: Any) -> bool:
    return getattr(read, "type", "") == "METADATA" and read.key in OWN
