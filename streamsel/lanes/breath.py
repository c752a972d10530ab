"""Signs of life in the midst of work that may take long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["Breath", "silent"]

BREATH: Final = 1.0
"""Seconds of work between two signs of life."""


def silent() -> None:
    """For work at which nobody looks on."""


class Breath:
    """Gives a sign of life when the last one was a second ago."""

    def __init__(self, breathe: Callable[[], None]) -> None:
        self._breathe, self._last = breathe, time.monotonic()

    def __call__(self) -> None:
        """Called as often as one likes."""
        if time.monotonic() - self._last >= BREATH:
            self._breathe()
            self._last = time.monotonic()
