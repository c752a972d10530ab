"""Progress as a bar on a terminal, drawn by rich."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from streamsel.report.pace import Pace
from streamsel.report.progress import Clock, QuietProgress

__all__ = ["BarProgress"]


class BarProgress(QuietProgress):
    """A bar that is redrawn at most ten times a second, by whoever calls: there is no thread."""

    interval = 0.1

    def __init__(self, stream: TextIO, total: int | None = None, clock: Clock = time.monotonic) -> None:
        self._total = total
        self._clock = clock
        self._pace = Pace()
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
        self._bar = Progress(*columns, console=Console(file=stream), auto_refresh=False, transient=True)
        self._task = self._bar.add_task("", total=total, figures="")
        self._due = -float("inf")

    def update(self, frames: int, kept: int, stage: str) -> None:
        """Draws where the run stands, if it is time for it."""
        now = self._clock()
        standing = self._pace.standing(now, frames, kept, stage, self._total)
        if now < self._due:
            return
        self._due = now + self.interval
        with suppress(OSError, ValueError):  # a terminal that has gone is no reason to end a run
            self._bar.start()
            self._bar.update(self._task, completed=frames, description=stage, figures=standing.figures(), refresh=True)

    def close(self) -> None:
        """Clears the bar, so that what follows starts on a free line."""
        with suppress(OSError, ValueError):
            self._bar.stop()
