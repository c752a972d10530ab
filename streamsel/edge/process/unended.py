"""Tells of a process before this one that could not tell itself how it ended.

It was killed, its device lost its power, or its end could not be noted, the disk being full: none knows which.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from streamsel.daemon.log_lines import say
from streamsel.errors import SinkError
from streamsel.store.entries import Committed, EntryStore

__all__ = ["unended_told"]

RUNNING: Final = "running"
"""The note of when the process began that is at work: taken back as it ends."""

UNENDED: Final = "killed, without power, or on a full disk"


@contextmanager
def unended_told(store: EntryStore) -> Iterator[None]:
    """Within, this process is at work; what cannot be noted, as on a full disk, is not told of later."""
    if began := store.note(RUNNING):
        say("did not end properly", logging.WARNING, began=began, reason=UNENDED)
    _note(store, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
    try:
        yield
    finally:
        _note(store, None)


def _note(store: EntryStore, began: str | None) -> None:
    with suppress(SinkError):
        store.commit(Committed(notes={RUNNING: began}))
