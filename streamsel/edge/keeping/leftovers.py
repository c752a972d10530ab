"""Pictures of a live source that were written for a commit that never came: a kill, or a disk that was full."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from streamsel.daemon.log_lines import say

__all__ = ["remove_uncommitted"]


def remove_uncommitted(folder: Path, source: str, picks: int, files: Sequence[str]) -> int:
    """Remove what no state, no outbox and no reader knows of; how many pictures.

    files: that the state says were about to be written, relative to the folder. picks: of the source, as committed:
    later ordinals are given again, to other frames, since a live source shows nothing twice, and more may come of a
    window. (What else is decided again of a folder replaces itself.)
    """
    uncommitted = [file for file in files if _ordinal(folder / f"{file}.json") >= picks]
    for file in uncommitted:
        for path in (folder / file, folder / f"{file}.json"):
            path.unlink(missing_ok=True)
    if uncommitted:
        say("uncommitted pictures removed", logging.WARNING, source=source, pictures=len(uncommitted))
    return len(uncommitted)


def _ordinal(facts: Path) -> int:
    """-1 where the file does not say."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(facts.read_bytes())["ordinal"])
    return -1
