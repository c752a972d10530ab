"""What an object knows of itself, where objects are what is selected: its name, METADATA `label` and `score`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Quota
from streamsel.data import Box, Mark

__all__ = ["OWN", "object_name", "of_frames", "of_objects", "own_columns"]

OWN: Final = ("label", "score")
"""Keys, which are fields of `streamsel.data.Box`."""


def object_name(frame: str, mark: Mark, box: Box) -> str:
    """What an object is called: its frame's name, and its place among the frame's predictions."""
    return f"{frame if mark.name else frame.removesuffix('.png')}-{box.index}.jpg"


def of_frames(config: SelectionConfig) -> SelectionConfig:
    """What of a config can be told of frames, before there are objects."""
    return _reading(config, lambda read: not _own(read), config.constraints)


def of_objects(config: SelectionConfig) -> SelectionConfig:
    """The strategies that read what objects know of themselves."""
    return _reading(config, _own, ())


def own_columns(config: SelectionConfig) -> dict[str, str]:
    """Column -> key, of what a config reads of objects themselves."""
    entries = [(entry.column, entry.input) for entry in config.strategies]
    quotas = [(one.column, one.per) for one in config.constraints if isinstance(one, Quota)]
    read: list[tuple[str, Any]] = [*entries, *quotas]
    return {column: one.key for column, one in read if _own(one)}


def _reading(config: SelectionConfig, wanted: Callable[[Any], bool], constraints: tuple[Any, ...]) -> SelectionConfig:
    strategies = tuple(entry for entry in config.strategies if wanted(entry.input))
    others = tuple(one for one in constraints if not isinstance(one, Quota) or wanted(one.per))
    return config.model_copy(update={"strategies": strategies, "constraints": others})


def _own(read: Any) -> bool:
    return getattr(read, "type", "") == "METADATA" and read.key in OWN
