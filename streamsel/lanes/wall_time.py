"""Frames as lanes take them: timed by the clock on the wall, which goes on where a camera's own times begin anew."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Final

from streamsel.data import Frame

__all__ = ["on_the_wall"]

MICROSECOND: Final = Fraction(1, 1_000_000)


def on_the_wall(frame: Frame, when: float) -> Frame:
    """The frame with the time of its mark in UTC seconds since 1970. when: it was taken.

    By it gaps are measured and days are told: each connection and each segment of a camera begins its own times anew.
    """
    return replace(frame, mark=replace(frame.mark, pts=round(when * 1_000_000), time_base=MICROSECOND))
