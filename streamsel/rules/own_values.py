"""What an object knows of itself, where objects are what is selected: its name, METADATA `label` and `score`.

INCLUDE names objects then, EXCLUDE frames and objects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Constraint, Names, Quota
from streamsel.config.selection import Entry
from streamsel.data import Box, Mark
from streamsel.rules.filters import listed, stem
from streamsel.rules.own_predictions import reads_predictions

__all__ = ["OWN", "frame_of", "object_name", "of_frames", "of_objects", "own_columns"]

OWN: Final = ("label", "score")
"""Keys, which are fields of `streamsel.data.Box`."""


def object_name(frame: str, mark: Mark, box: Box) -> str:
    """What an object is called: its frame's name, and its place among the frame's predictions."""
    return f"{frame if mark.name else frame.removesuffix('.png')}-{box.index}.jpg"


def frame_of(name: str) -> str:
    """The frame on which an object of this name is."""
    return stem(name).rpartition("-")[0] or name


def of_frames(config: SelectionConfig, task: str) -> SelectionConfig:
    """What of a config can be told of frames, before there are objects: those that hold an object named must pass.

    task: whose objects they are. What a frame's predictions say of it as a whole ranks frames, and turns none away.
    """
    constraints = [_of_frames(one) for one in config.constraints if not (isinstance(one, Quota) and _own(one.per))]
    return _reading(config, lambda entry: not _own(entry.input) and not _filters(entry, task), constraints)


def of_objects(config: SelectionConfig, task: str) -> SelectionConfig:
    """What can be told of objects by themselves, before there are vectors."""
    names = [one for one in config.constraints if isinstance(one, Names)]
    return _reading(config, lambda entry: _own(entry.input) or _filters(entry, task), names)


def own_columns(config: SelectionConfig) -> dict[str, str]:
    """Column -> key, of what a config reads of objects themselves."""
    entries = [(entry.column, entry.input) for entry in config.strategies]
    quotas = [(one.column, one.per) for one in config.constraints if isinstance(one, Quota)]
    read: list[tuple[str, Any]] = [*entries, *quotas]
    return {column: one.key for column, one in read if _own(one)}


def _reading(
    config: SelectionConfig, wanted: Callable[[Entry], bool], constraints: Sequence[Constraint]
) -> SelectionConfig:
    strategies = tuple(entry for entry in config.strategies if wanted(entry))
    return config.model_copy(update={"strategies": strategies, "constraints": tuple(constraints)})


def _of_frames(constraint: Constraint) -> Constraint:
    """An INCLUDE of objects as one of their frames; anything else as it is."""
    if not isinstance(constraint, Names) or constraint.type != "INCLUDE":
        return constraint
    frames = tuple(map(frame_of, listed(constraint)))
    return constraint.model_copy(update={"names": frames, "file": None})


def _filters(entry: Entry, task: str) -> bool:
    """Whether it is a threshold on what the task predicts, which each object has to pass by itself."""
    return entry.strategy.type == "THRESHOLD" and reads_predictions(entry.input, task)


def _own(read: Any) -> bool:
    return getattr(read, "type", "") == "METADATA" and read.key in OWN
