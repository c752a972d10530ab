"""Which sequence of its source a pick is: those that a filter turned away have no row, and count as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.store import PickRow, Span
from streamsel.store.embedded import SqliteStore

__all__ = ["SequenceNumbers"]

TURNED_AWAY = "SELECT first, frames FROM span WHERE row < 0 AND source = ? ORDER BY first"

Counts = npt.NDArray[np.int64]


class SequenceNumbers:
    """Numbers from 0 within each source. facts: of each source; its `first_row` is that of its first sequence.

    pending: spans that are not in the store yet, in order.
    """

    def __init__(
        self, store: SqliteStore, facts: Mapping[str, Mapping[str, Any]], pending: Sequence[Span] = ()
    ) -> None:
        self._store, self._facts, self._pending = store, facts, pending
        self._known: dict[str, tuple[Counts, Counts]] = {}

    def of(self, pick: PickRow) -> int | None:
        """The number of a pick's sequence; None where picks are single frames."""
        if len(pick.marks) == 1:
            return None
        first = pick.marks[0]
        starts, frames = self._turned_away(first.source)
        earlier = int(frames[np.searchsorted(starts, first.index)])
        return pick.row - int(self._facts[first.source]["first_row"]) + earlier // len(pick.marks)

    def _turned_away(self, source: str) -> tuple[Counts, Counts]:
        """The first frames of spans that were turned away, and how many frames were so before each and after all."""
        if source not in self._known:
            late = [(span.first, span.frames) for span in self._pending if span.row < 0 and span.source == source]
            pairs = np.array([*self._store.query(TURNED_AWAY, source), *late], np.int64).reshape(-1, 2)
            self._known[source] = pairs[:, 0], np.append(0, np.cumsum(pairs[:, 1]))
        return self._known[source]
