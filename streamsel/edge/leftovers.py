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


def remove_uncommitted(folder: Path, source: str, picks: int, most: int) -> int:
    """Remove what no state, no outbox and no reader knows of; how many pictures.

    Ask only where the state says that pictures were being written: a state that is new, or older than the pictures,
    knows of none of them. picks: of the source, as committed: later ordinals are given again, to other frames, since a
    live source shows nothing twice, and more may come of a window. (What else is decided again of a folder replaces
    itself.) most: that one commit holds: of more, all stay.
    """
    days = sorted((folder / safe_path(source)).glob("????-??-??"), reverse=True)[:DAYS]
    latest = sorted((file for day in days for file in day.glob("*.jpg.json")), key=_written, reverse=True)
    uncommitted = [facts for facts in islice(latest, 2 * most) if _ordinal(facts) >= picks]
    if not 0 < len(uncommitted) <= most:
        return 0
    for facts in uncommitted:
        for file in (facts.with_suffix(""), facts):
            file.unlink(missing_ok=True)
    say("uncommitted pictures removed", logging.WARNING, source=source, pictures=len(uncommitted))
    return len(uncommitted)


def _written(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_mtime_ns
    return 0


def _ordinal(facts: Path) -> int:
    """-1 where the file does not say."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(facts.read_bytes())["ordinal"])
    return -1
