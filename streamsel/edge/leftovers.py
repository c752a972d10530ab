"""Pictures of a live source that were written for a commit that never came: a kill, or a disk that was full."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from streamsel.service.log_lines import say
from streamsel.sink.names import safe_path

__all__ = ["remove_uncommitted"]

DAYS: Final = 2
"""Day folders that are looked into: the latest ones."""

FILES: Final = 256
"""Pictures that are looked at, the latest: far more than one commit holds."""


def remove_uncommitted(folder: Path, source: str, picks: int) -> int:
    """Remove what no state, no outbox and no reader knows of; how many pictures.

    picks: of the source, as committed: later ordinals are given again, to other frames, as a live source shows nothing
    twice. (What is decided again of a folder replaces itself.)
    """
    days = sorted((folder / safe_path(source)).glob("????-??-??"), reverse=True)[:DAYS]
    latest = sorted((file for day in days for file in day.glob("*.jpg.json")), key=_written, reverse=True)
    removed = 0
    for facts in islice(latest, FILES):
        if _ordinal(facts) >= picks:
            for file in (facts.with_suffix(""), facts):
                file.unlink(missing_ok=True)
            removed += 1
    if removed:
        say("uncommitted pictures removed", logging.WARNING, source=source, pictures=removed)
    return removed


def _written(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_mtime_ns
    return 0


def _ordinal(facts: Path) -> int:
    """-1 where the file does not say."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(facts.read_bytes())["ordinal"])
    return -1
