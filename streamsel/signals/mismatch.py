"""Checks of what a JSON file holds: each gives the value back, or raises MismatchError with its place in the file."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

__all__ = ["MismatchError", "integer", "items", "mapping", "number", "numbers", "share", "shares", "text"]

LONGEST = 60
"""Characters of a wrong value that an error shows."""
_NUMBER = frozenset([int, float])
"""Not bool: true and false are no numbers."""
_OFF = 1e-6


class MismatchError(ValueError):
    """Something else than what a format asks for, and where: `predictions[3].bbox`. Whoever knows the file adds it."""

    def __init__(self, place: str, expected: str, found: object) -> None:
        self.place, self.expected, self.found = place, expected, found

    def within(self, place: str) -> MismatchError:
        """The same, seen from one level further out."""
        inner = self.place if self.place.startswith("[") or not self.place else f".{self.place}"
        return MismatchError(f"{place}{inner}", self.expected, self.found)

    @property
    def wanted(self) -> str:
        """Place and expectation, and nothing of what was found."""
        place = self.place or "its content"
        return f"{place if place.isprintable() else repr(place)}: expected {self.expected}"

    def __str__(self) -> str:
        return f"{self.wanted}, found {_shown(self.found)}"


def _shown(found: object) -> str:
    """A wrong value in a few words, whatever its size and depth."""
    if isinstance(found, dict):
        return "an object"
    if isinstance(found, list):
        numeric = len(found) <= 8 and all(isinstance(one, int | float) for one in found)
        listed = json.dumps(found) if numeric else ""
        return listed if 0 < len(listed) <= LONGEST else f"a list of {len(found)}"
    text = "nothing" if found is None else json.dumps(found, ensure_ascii=False, default=repr)
    plain = text if text.isprintable() else ascii(text)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 3]}..."


def mapping(value: Any, place: str) -> dict[str, Any]:
    """A JSON object."""
    if type(value) is not dict:
        raise MismatchError(place, "an object {...}", value)
    return value


def items(value: Any, place: str) -> list[Any]:
    """A JSON array."""
    if type(value) is not list:
        raise MismatchError(place, "a list [...]", value)
    return value


def text(value: Any, place: str) -> str:
    """A string that is not empty."""
    if type(value) is not str or not value:
        raise MismatchError(place, "a text that is not empty", value)
    return value


def integer(value: Any, place: str, low: int | None = None) -> int:
    """An integer, also one written as 3.0; true and false are none."""
    whole = int(value) if type(value) is float and value.is_integer() else value
    if type(whole) is not int or (low is not None and whole < low):
        raise MismatchError(place, "an integer" if low is None else f"an integer of {low} or more", value)
    return whole


def number(value: Any, place: str) -> float:
    """A finite number."""
    with suppress(OverflowError):
        if type(value) in _NUMBER and math.isfinite(value):
            return float(value)
    raise MismatchError(place, "a finite number", value)


def share(value: Any, place: str) -> float:
    """A number of 0..1, give or take what a rounded softmax may be off."""
    if type(value) in _NUMBER and -_OFF <= value <= 1 + _OFF:
        return float(value)
    raise MismatchError(place, "a number of 0..1", value)


def numbers(value: list[Any], place: str) -> tuple[float, ...]:
    """A list of finite numbers."""
    with suppress(OverflowError):
        if {*map(type, value)} <= _NUMBER and all(map(math.isfinite, value)):
            return tuple(map(float, value))
    return tuple([number(one, f"{place}[{index}]") for index, one in enumerate(value)])


def shares(value: list[Any], place: str) -> tuple[float, ...]:
    """A list of numbers of 0..1, one at least."""
    if {*map(type, value)} <= _NUMBER and min(value) >= -_OFF and max(value) <= 1 + _OFF:
        return tuple(map(float, value))
    return tuple([share(one, f"{place}[{index}]") for index, one in enumerate(value)])
