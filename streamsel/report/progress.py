"""Progress of a long run as a line now and then, as JSON lines, or as nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Self, TextIO

from streamsel.report.pace import Pace, Standing

__all__ = ["Clock", "JsonProgress", "LineProgress", "QuietProgress"]

Clock = Callable[[], float]


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
