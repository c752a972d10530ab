"""Errors about a source: one line each, whatever characters its name has."""

from __future__ import annotations

from streamsel.errors import SourceError

__all__ = ["failure"]


def failure(name: str, what: str) -> SourceError:
    """The error `name: what`; line breaks and other characters that do not print are spelled out."""
    line = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in f"{name}: {what}")
    return SourceError(line)
