"""Who stands for a row in the end: chains of rows that were held, evicted or merged, followed to what was judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamsel.store.embedded import SqliteStore

__all__ = ["Heirs", "pairs_of"]

Ids = npt.NDArray[np.int64]


class Heirs:
    """Two sorted arrays in place of a table in memory: 16 bytes a row, also for days of video."""

    def __init__(self, store: SqliteStore) -> None:
        self._rows, self._heirs = pairs_of(store, "SELECT row, heir FROM heir ORDER BY row")
        self._judged, self._picks = pairs_of(
            store,
            "SELECT judged.row, COALESCE(pick.ordinal, judged.nearest) FROM judged"
            " LEFT JOIN pick ON pick.row = judged.row ORDER BY judged.row, pick.ordinal",
        )

    def resolve(self, rows: Sequence[int] | Ids) -> Ids:
        """The row that stands for each in the end; itself where none does."""
        now = np.asarray(rows, np.int64)
        while True:
            known, place = _find(self._rows, now)
            if not known.any():
                return now
            now = np.where(known, self._heirs[place] if len(self._heirs) else now, now)

    def picks_of(self, rows: Sequence[int]) -> list[int]:
        """Ordinal of the pick nearest to each row's stand-in (or which it is); -1 where none is known."""
        known, place = _find(self._judged, self.resolve(rows))
        picks: list[int] = np.where(known, self._picks[place] if len(self._picks) else -1, -1).tolist()
        return picks


def pairs_of(store: SqliteStore, sql: str) -> tuple[Ids, Ids]:
    """The two integer columns of a query."""
    flat = np.fromiter((value for pair in store.query(sql) for value in pair), np.int64)
    return flat[::2], flat[1::2]


def _find(table: Ids, wanted: Ids) -> tuple[npt.NDArray[np.bool_], Ids]:
    place = np.minimum(np.searchsorted(table, wanted), max(len(table) - 1, 0))
    return (table[place] == wanted) if len(table) else np.zeros(len(wanted), bool), place
