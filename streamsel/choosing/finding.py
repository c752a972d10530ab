"""Findings: what `streamsel check` tells before a run, each with a level and the place in the config."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["Finding", "Level", "away", "can_run", "fine", "listed", "note", "problem"]

MOST_NAMED: Final = 6
"""Names of a list in one line."""

Level = Literal["fine", "note", "away", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out.

    level: `fine`: as asked for; `note`: it runs, and comes out otherwise than somebody may expect; `away`:
    something does not answer now, and a service waits for it; `problem`: it cannot run, or would pick nothing, until
    that is mended. place: as in the config, `strategies[2]`, or `TABLE`. text: one line.
    """

    level: Level
    place: str
    text: str


def fine(place: str, text: str) -> Finding:
    """As asked for."""
    return Finding("fine", place, text)


def note(place: str, text: str) -> Finding:
    """It runs, and comes out otherwise than somebody may expect."""
    return Finding("note", place, text)


def away(place: str, text: str) -> Finding:
    """It does not answer now; a service that runs waits for it."""
    return Finding("away", place, f"is away, and waited for: {text}")


def problem(place: str, text: str) -> Finding:
    """It cannot run, or would pick nothing."""
    return Finding("problem", place, text)


def can_run(findings: list[Finding]) -> bool:
    """Whether none of them is a problem."""
    return all(finding.level != "problem" for finding in findings)


def listed(names: Iterable[str]) -> str:
    """Each of them once, as a part of one line; of many the first, and how many more. Empty: there are none."""
    each = list(dict.fromkeys(names))
    more = [f"{len(each) - MOST_NAMED} more"] if len(each) > MOST_NAMED else []
    return ", ".join(each[:MOST_NAMED] + more)
