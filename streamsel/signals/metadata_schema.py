"""What metadata there is (`.lightly/metadata/schema.json`): where it stands in a frame's file, its type, its default.

A path is dotted, `weather.temperature`; an array's element is `sensors.0.name` or `sensors[0].name`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from streamsel.signals.mismatch import MismatchError, integer, items, mapping, number, text

__all__ = ["MISSING", "Entry", "MetadataKind", "entries_from_json", "entries_to_json", "lookup"]

MetadataKind = Literal["number", "label"]
Plain = float | int | str | bool

MISSING = object()
RESERVED = "lightly."
"""Metadata whose key begins like this is measured on frames, never read."""


def _string(value: Any, place: str) -> str:
    if type(value) is not str:
        raise MismatchError(place, "a text", value)
    return value


def _boolean(value: Any, place: str) -> bool:
    if type(value) is not bool:
        raise MismatchError(place, "true or false", value)
    return value


_TYPES: dict[str, tuple[MetadataKind, Callable[[Any, str], Plain]]] = {
    "NUMERIC_INT": ("number", integer),
    "NUMERIC_FLOAT": ("number", number),
    "CATEGORICAL_INT": ("label", integer),
    "CATEGORICAL_STRING": ("label", _string),
    "CATEGORICAL_BOOLEAN": ("label", _boolean),
    "CATEGORICAL_DATETIME": ("label", _string),
    "CATEGORICAL_TIMESTAMP": ("label", integer),
    "OTHER_STRING": ("label", _string),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of metadata. path: its key; type: as in the file, `NUMERICAL_*` read as `NUMERIC_*`.

    default: the value where a frame has none; None: not known.
    """

    path: str
    type: str
    default: Plain | None = None
    name: str = ""

    @property
    def kind(self) -> MetadataKind:
        """Whether its values are numbers or labels."""
        return _TYPES[self.type][0]

    @property
    def steps(self) -> tuple[str, ...]:
        """The keys and array indices to go along."""
        return tuple(re.sub(r"\[(\d+)\]", r".\1", self.path).lstrip(".").split("."))

    def checked(self, value: Any, place: str) -> Plain:
        """The value when it is of the type. Raises MismatchError."""
        try:
            return _TYPES[self.type][1](value, place)
        except MismatchError as mismatch:
            raise MismatchError(place, f"{mismatch.expected} ({self.type})", value) from None


def entries_from_json(content: Any) -> tuple[Entry, ...]:
    """The entries that a `schema.json` holds. Raises MismatchError."""
    entries: dict[str, Entry] = {}
    for index, one in enumerate(items(content, "")):
        try:
            entry = _entry(mapping(one, ""))
            if entry.path in entries:
                raise MismatchError("path", "one that no entry before it has", entry.path)
        except MismatchError as mismatch:
            raise mismatch.within(f"[{index}]") from None
        entries[entry.path] = entry
    return tuple(entries.values())


def entries_to_json(entries: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """What `entries_from_json` reads back as equal entries."""
    return [
        {"name": one.name, "path": one.path, "defaultValue": one.default, "valueDataType": one.type} for one in entries
    ]


def lookup(content: Any, steps: tuple[str, ...]) -> Any:
    """What stands there; MISSING: nothing, or null."""
    for step in steps:
        if isinstance(content, dict):
            content = content.get(step)
        elif isinstance(content, list) and step.isdecimal() and int(step) < len(content):
            content = content[int(step)]
        else:
            return MISSING
    return MISSING if content is None else content


def _entry(held: dict[str, Any]) -> Entry:
    path = text(held.get("path"), "path")
    if path.startswith(RESERVED):
        raise MismatchError("path", f"one that does not begin with {RESERVED!r}, which is for what is measured", path)
    kind = held.get("valueDataType")
    spelled = kind.replace("NUMERICAL_", "NUMERIC_") if isinstance(kind, str) else ""
    if spelled not in _TYPES:
        raise MismatchError("valueDataType", f"one of {', '.join(_TYPES)}", kind)
    default = held.get("defaultValue")
    entry = Entry(path, spelled, None, _string(held.get("name", path), "name"))
    if default is None:
        return entry
    return Entry(path, spelled, entry.checked(default, "defaultValue"), entry.name)
