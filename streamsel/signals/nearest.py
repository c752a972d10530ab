"""What a user may have meant: the error for a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from streamsel.errors import UsageError

__all__ = ["unknown"]

SHOWN = 12
"""How many of the known names an error lists."""


def unknown(what: str, name: str, known: Iterable[str], where: str) -> UsageError:
    """The error for a `name` that `where` does not know, with the nearest one of those that it knows."""
    names = sorted(one if one.isprintable() else ascii(one) for one in known)
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = f"; known: {', '.join(names[:SHOWN])}{more}" if names else "; it knows none"
    return UsageError(f"no {what} {name!r} in {where}{guess}{listed}")
