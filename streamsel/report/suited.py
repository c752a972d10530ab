"""The progress that suits where it is told: a bar on a terminal, lines elsewhere, JSON lines, or nothing."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from streamsel.report import Progress
from streamsel.report.progress import JsonProgress, LineProgress, QuietProgress

__all__ = ["open_progress"]

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
