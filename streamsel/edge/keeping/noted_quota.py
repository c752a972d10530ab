"""The quota of an output folder that knows what went for others before: killed and started anew, it gives no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from streamsel.config.edge import Quota
from streamsel.edge.keeping.quota import QuotaKeeper
from streamsel.store.entries import Committed, EntryStore

__all__ = ["noted_quota"]

CEDED: Final = "ceded"
"""The note of the folder, and of how many bytes of its pictures went for others: it outlasts a kill."""


def noted_quota(folder: Path, quota: Quota, store: EntryStore, *, free: Callable[[], int] | None = None) -> QuotaKeeper:
    """For the thread of the store; free and what is raised: as of QuotaKeeper."""
    name, noted = str(folder), store.note(CEDED) or {}

    def note(ceded: int) -> None:
        store.commit(Committed(notes={CEDED: {name: ceded}}))

    return QuotaKeeper(folder, quota, free=free, ceded=noted.get(name, 0), note=note)
