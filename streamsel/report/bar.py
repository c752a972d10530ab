"""Progress as a bar on a terminal, drawn by rich."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from streamsel.report.pace import Pace, Standing
from streamsel.report.progress import Clock, QuietProgress

__all__ = ["BarProgress"]


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raises what happened; rich would end the process."""
        raise  # the BrokenPipeError being handled


class BarProgress(QuietProgress):
    """A bar that is redrawn at most ten times a second, by whoever calls: there is no thread."""

    interval = 0.1

    def __init__(
        self, stream: TextIO, total: int | None = None, clock: Clock = time.monotonic, word: str = "kept"
    ) -> None:
        self._total = total
        self._clock = clock
        self._pace = Pace(word)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
        console = _Console(file=stream)
        # Standard output may be a file: it is not drawn around, as lines on standard error are.
        bar = Progress(*columns, console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._task = bar.add_task("", total=total, figures="")
        self._bar: Progress | None = bar
        self._due = -float("inf")

    def update(self, frames: int, kept: int, stage: str, total: int | None = None) -> None:
        """Draws where the run stands, if it is time for it."""
        now = self._clock()
        standing = self._pace.standing(now, frames, kept, stage, self._total if total is None else total)
        if now >= self._due:
            self._due = now + self.interval
            self._draw(standing)

    def close(self) -> None:
        """Clears the bar, so that what follows starts on a free line."""
        if self._bar is not None:
            with suppress(OSError, ValueError):
                self._bar.stop()

    def _draw(self, standing: Standing) -> None:
        """A terminal that has gone away is no reason to end a run: nothing more is drawn."""
        if self._bar is None:
            return
        stage, figures = standing.stage, standing.figures()
        try:
            self._bar.start()
            self._bar.update(
                self._task, completed=standing.frames, total=standing.total, description=stage, figures=figures
            )
            self._bar.refresh()
        except (OSError, ValueError):
            self._bar = None
