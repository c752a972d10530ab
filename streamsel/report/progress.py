"""Progress of a long run: a bar on a terminal, a line now and then elsewhere, JSON lines, or nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Self, TextIO

from streamsel.report import Progress
from streamsel.report.pace import Pace, Standing

__all__ = ["JsonProgress", "LineProgress", "QuietProgress", "open_progress"]

Clock = Callable[[], float]

_WITHOUT_CURSOR = ("dumb", "unknown")
"""Terminals on which nothing can be drawn over."""


def open_progress(
    total: int | None = None,
    *,
    quiet: bool = False,
    as_json: bool = False,
    stream: TextIO | None = None,
    word: str = "kept",
) -> Progress:
    """The progress that suits where it is told.

    total: frames there are where an update does not say, None where that is unknown or endless. quiet: tell nothing
    (wins over as_json). stream: where to; standard error unless given. word: what becomes of frames here, as lines say
    it.
    """
    stream = stream or sys.stderr
    if quiet:
        return QuietProgress()
    if as_json:
        return JsonProgress(stream, total, word=word)
    if not stream.isatty() or os.environ.get("TERM") in _WITHOUT_CURSOR:
        return LineProgress(stream, total, word=word)
    from streamsel.report.bar import BarProgress  # imports rich

    return BarProgress(stream, total, word=word)


class QuietProgress:
    """Tells nothing."""

    def update(self, frames: int, kept: int, stage: str, total: int | None = None) -> None:
        """Takes what stands, and tells nothing."""

    def close(self) -> None:
        """Nothing to finish."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class LineProgress(QuietProgress):
    """A line when the stage changes, one every ten seconds, and one at the end."""

    interval = 10.0

    def __init__(
        self, stream: TextIO, total: int | None = None, clock: Clock = time.monotonic, word: str = "kept"
    ) -> None:
        self._stream: TextIO | None = stream
        self._total = total
        self._clock = clock
        self._pace = Pace(word)
        self._last: Standing | None = None
        self._told: Standing | None = None
        self._due = -float("inf")

    def update(self, frames: int, kept: int, stage: str, total: int | None = None) -> None:
        """Tells where the run stands, if it is time for it."""
        now = self._clock()
        new_stage = self._last is None or self._last.stage != stage
        self._last = self._pace.standing(now, frames, kept, stage, self._total if total is None else total)
        if new_stage or now >= self._due:
            self._due = now + self.interval
            self._tell(self._last)

    def close(self) -> None:
        """Tells where the run ended, unless that was told already."""
        if self._last is not None and self._last is not self._told:
            self._tell(self._last)

    def text(self, standing: Standing) -> str:
        """One line, without its end."""
        return f"{standing.stage}: {standing.figures()}"

    def _tell(self, standing: Standing) -> None:
        """A reader that has gone away is no reason to end a run: it is told nothing more."""
        self._told = standing
        if self._stream is None:
            return
        try:
            self._stream.write(self.text(standing) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None


class JsonProgress(LineProgress):
    """A JSON object on a line, each second: `event` ("progress"), and the fields of a Standing by their names.

    `kept` is called by its word.
    """

    interval = 1.0

    def text(self, standing: Standing) -> str:
        """One object, on one line."""
        seconds = None if standing.left is None else round(standing.left, 1)
        counts = {"frames": standing.frames, standing.word: standing.kept, "total": standing.total}
        told = {"event": "progress", "stage": standing.stage, **counts, "rate": round(standing.rate, 1)}
        return json.dumps({**told, "left": seconds})
