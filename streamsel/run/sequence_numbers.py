"""Which sequence of its source a pick is: those that a filter turned away have no row, and count as well.

Rows are numbered over all sources. Those of one source follow each other, but where it failed midway, was mended, and
is gone on with behind others: each such stretch is noted where it begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Mark
from streamsel.store import PickRow, Span
from streamsel.store.embedded import SqliteStore

__all__ = ["SequenceNumbers", "TurnedAway", "stretches"]

NEWEST = "SELECT MAX(rowid) FROM span"
TURNED_AWAY = "SELECT first, frames FROM span WHERE rowid > ? AND rowid <= ? AND row < 0 AND source = ?"

Counts = npt.NDArray[np.int64]


def stretches(facts: Mapping[str, Any], position: Mark | None, row: int, length: int) -> list[list[int]]:
    """Those of a source, and one that begins: index of its first frame, its first row, how many sequences were before.

    facts: of the source so far. position: behind which it goes on. row: the next one.
    """
    known = facts.get("stretches", []) if facts["frames"] else []
    return [*known, [position.index + 1 if position else 0, row, facts["frames"] // length]]


class TurnedAway:
    """The spans of each source that the store says were turned away; each is read once, as they only become more."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._known: dict[str, tuple[int, Counts]] = {}

    def of(self, source: str) -> Counts:
        """First frame and number of frames of each, by first frame: (spans, 2)."""
        read, known = self._known.get(source, (0, np.empty((0, 2), np.int64)))
        newest = next(self._store.query(NEWEST))[0] or 0
        if more := list(self._store.query(TURNED_AWAY, read, newest, source)):
            known = np.concatenate([known, np.array(more, np.int64)])
            known = known[np.argsort(known[:, 0], kind="stable")]
        self._known[source] = newest, known
        return known


class SequenceNumbers:
    """Numbers from 0 within each source. facts: of each source, with its `stretches`.

    pending: spans that are not in the store yet, in order. away: what is in the store, where it was read before.
    """

    def __init__(
        self,
        store: SqliteStore,
        facts: Mapping[str, Mapping[str, Any]],
        pending: Sequence[Span] = (),
        away: TurnedAway | None = None,
    ) -> None:
        self._facts, self._pending, self._away = facts, pending, away or TurnedAway(store)
        self._known: dict[str, tuple[Counts, Counts]] = {}

    def of(self, pick: PickRow) -> int | None:
        """The number of a pick's sequence; None where picks are single frames."""
        if len(pick.marks) == 1:
            return None
        first = pick.marks[0]
        begun = [one for one in self._facts[first.source]["stretches"] if one[0] <= first.index]
        index, row, number = begun[-1]
        starts, frames = self._turned_away(first.source)
        earlier, before = (int(frames[np.searchsorted(starts, at)]) for at in (first.index, index))
        return int(number) + pick.row - int(row) + (earlier - before) // len(pick.marks)

    def _turned_away(self, source: str) -> tuple[Counts, Counts]:
        """The first frames of spans that were turned away, and how many frames were so before each and after all."""
        if source not in self._known:
            late = [(span.first, span.frames) for span in self._pending if span.row < 0 and span.source == source]
            pairs = np.concatenate([self._away.of(source), np.array(late, np.int64).reshape(-1, 2)])
            self._known[source] = pairs[:, 0], np.append(0, np.cumsum(pairs[:, 1]))
        return self._known[source]
