"""Places in a selection config, as messages tell them: `strategies[2].input.key: no metadata 'wether' in ...`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Quota
from streamsel.errors import UsageError

__all__ = ["Wanted", "told_at", "wanted_columns"]

FIELD: Final = re.compile(r"\.(?:key|task|score|categories): ")


class Wanted(NamedTuple):
    """A column of values that a config reads. place: where it says so. read: the input, or what a quota counts per."""

    place: str
    column: str
    kind: str
    read: Any


def wanted_columns(config: SelectionConfig) -> list[Wanted]:
    """Each column once, at the first place that reads it."""
    entries = [
        Wanted(f"strategies[{place}].input", entry.column, entry.kind, entry.input)
        for place, entry in enumerate(config.strategies)
    ]
    quotas = [
        Wanted(f"constraints[{place}].per", one.column, one.kind, one.per)
        for place, one in enumerate(config.constraints)
        if isinstance(one, Quota)
    ]
    return list({one.column: one for one in reversed([*entries, *quotas])}.values())[::-1]


@contextmanager
def told_at(place: str) -> Iterator[None]:
    """Puts a place before what is wrong there; an error that begins with `.key: ` is at that field of it."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{place}{'' if FIELD.match(str(error)) else ': '}{error}") from error
