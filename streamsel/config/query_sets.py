"""Query sets as users name them: NAME=PATH, the path of pictures, of a table or of an earlier run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from streamsel.errors import UsageError

__all__ = ["query_sets_of"]


def query_sets_of(given: Mapping[str, str | Path] | Sequence[str] | None) -> dict[str, str]:
    """Name -> path, of a mapping or of texts NAME=PATH; raises UsageError."""
    if given is None or isinstance(given, Mapping):
        return {name: str(path) for name, path in (given or {}).items()}
    sets: dict[str, str] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise UsageError(f"--query-set: {text!r} is not NAME=PATH, as in --query-set night=pictures/night")
        if name in sets:
            raise UsageError(f"--query-set: {name!r} is given twice")
        sets[name] = path
    return sets
