"""What somebody may have meant: the known word nearest to one that is unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["nearest", "quoted", "shown", "unknown"]

LOGIN = re.compile(r"(:/{1,2})[^\s'\"]*@")
"""What stands before the last @ of a URL, also of one that became a path."""

SHORT = 12
"""As many known words are listed even where one of them is near; more would hide it."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like this one, whatever the case of its letters; empty when none is like it."""
    spelled = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), spelled, n=1)
    return spelled[found[0]] if found else ""


def unknown(what: str, word: object, known: Iterable[str]) -> str:
    """An unknown word in one line: `unknown key 'treshold'; did you mean 'threshold'? allowed: threshold, values`."""
    names = list(known)
    near = nearest(str(word), names)
    hint = f" did you mean {near!r}?" if near else ""
    allowed = f" allowed: {', '.join(names)}" if not near or len(names) <= SHORT else ""
    return f"unknown {what} {shown(word)};{hint}{allowed}"


def shown(value: object) -> str:
    """A user's value in an error: on one line, without the login of a URL, and cut where it is long."""
    text = LOGIN.sub(r"\1***@", repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def quoted(name: object, longest: int = 60) -> str:
    """A key or file name in an error: as it is, or as `shown` where it is long or would break the line."""
    text = str(name)
    return text if text.isprintable() and len(text) <= longest else shown(text)
