"""Errors about a source: one line each, whatever characters its name has."""

from __future__ import annotations

from streamsel.errors import AwayError, SourceError

__all__ = ["away", "failure"]


def failure(name: str, what: str) -> SourceError:
    """The error `name: what`; line breaks and other characters that do not print are spelled out."""
    return SourceError(_line(name, what))


def away(name: str, what: str, again: str = "") -> AwayError:
    """The same of what may be there later. again: what follows for somebody who has to begin again himself."""
    return AwayError(_line(name, f"{what}{again}"), _line(name, what))


def _line(name: str, what: str) -> str:
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in f"{name}: {what}")
