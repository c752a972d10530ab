"""Findings: what `streamsel check` tells before a run, each with a level and the place in the config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level", "can_run", "fine", "note", "problem"]

Level = Literal["fine", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out.

    level: `fine`: as asked for; `note`: it runs, and comes out otherwise than somebody may expect; `problem`: it
    cannot run, or would pick nothing. place: as in the config, `strategies[2]`, or `TABLE`. text: one line.
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


def problem(place: str, text: str) -> Finding:
    """It cannot run, or would pick nothing."""
    return Finding("problem", place, text)


def can_run(findings: list[Finding]) -> bool:
    """Whether none of them is a problem."""
    return all(finding.level != "problem" for finding in findings)
