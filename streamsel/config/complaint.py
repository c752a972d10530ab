"""What pydantic found wrong, as one line: the place, what is wrong, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from streamsel.config.nearest import quoted, shown, unknown

__all__ = ["complaint"]

WORDS = {
    "missing": "is missing",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "too_short": "must hold at least one entry",
    "string_too_short": "is too short",
}
OWN = ("at_key", "value_error", "missing")
"""Kinds of errors whose text says what was given, or where nothing was."""


def complaint(error: ValidationError, data: object, root: str = "") -> str:
    """The first thing wrong with data: `strategies[2].strategy.threshold: must be a valid number, got 'x'`.

    root: the place of data in what the user wrote.
    """
    first: Mapping[str, Any] = error.errors(include_url=False)[0]
    place = _place(first["loc"], data, root)
    if first["type"] == "at_key":
        place = f"{place}.{quoted(first['ctx']['key'])}".lstrip(".")
    return f"{place}: {_text(first)}" if place else _text(first)


def _text(first: Mapping[str, Any]) -> str:
    kind = first["type"]
    if kind == "literal_error":
        return unknown("value", first["input"], re.findall(r"'([^']*)'", first["ctx"]["expected"]))
    text = WORDS.get(kind) or str(first["msg"]).removeprefix("Value error, ")
    text = re.sub(r"^(Input|String|Tuple) should", "must", text)
    return text if kind in OWN else f"{text}, got {shown(first['input'])}"


def _place(loc: Sequence[str | int], data: object, root: str) -> str:
    """A location in the user's words: the tags by which pydantic tells models apart are no part of the file."""
    place = root
    for part in loc:
        inside = isinstance(data, Mapping) and part in data
        if isinstance(part, int):
            place += f"[{part}]"
        elif inside or not part.isupper():
            place += f".{part}" if place else part
        else:
            continue
        listed = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
        data = data[part] if inside or listed else None  # type: ignore[index]
    return place
