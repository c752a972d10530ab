"""A JSON object as others send it, read so that nothing in it can end who reads: told apart by how deep it is nested.

Python ends a recursion by how much of the stack is in use, so what is read once could be refused when it is read again
elsewhere; a bound far below that gives the same answer everywhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["memory_of", "object_of"]

DEEPEST: Final = 32
"""Lists and objects around a value."""


def object_of(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises ValueError, with a text for people, for anything else, and for what is nested deeper."""
    try:
        told = json.loads(text)
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(told, dict):
        raise ValueError(f"is a {type(told).__name__}")
    if sum(1 for _ in _levels(told)) > DEEPEST + 1:
        raise _too_deep()
    return told


def memory_of(told: Any) -> int:
    """About how many bytes of memory it takes: many times its text, where that is of small lists."""
    return sum(sys.getsizeof(one) for level in _levels(told) for one in level)


def _levels(told: Any) -> Iterator[list[Any]]:
    """It, what lies in it, what lies in that, until there is no more."""
    level = [told]
    while level:
        yield level
        level = [one for held in level for one in _inside(held)]


def _inside(held: Any) -> Any:
    return held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()


def _too_deep() -> ValueError:
    return ValueError(f"is nested more than {DEEPEST} deep")
