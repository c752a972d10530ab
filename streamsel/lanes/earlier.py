"""Picks of earlier windows, which count as picked when the next one is chosen, until they are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

import numpy as np

from streamsel.data import Mark, Vector
from streamsel.lanes.breath import silent
from streamsel.lanes.deciding import Arrays, Documents, under
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.known_rows import KnownRow, document_of, read_document
from streamsel.selection.stream.pick_index import PickIndex

__all__ = ["EARLIER", "Earlier"]

EARLIER: Final = b"#pick/"
"""How the keys of documents of picks begin; the ordinal follows."""

LATEST: Final = 1024
"""So many of the latest picks count whatever is to be chosen. Of older ones only those that are the nearest to a
candidate: no other can change a distance, and each that counts is compared with every other."""

BETWEEN: Final = 64
"""Candidates whose nearest picks are found between two breaths: a second or two of work beside 100,000 picks."""

UNKNOWN: Final = Mark("", 0, 0, Fraction(1))
"""For a pick of which nobody noted where it came from."""


class Earlier:
    """`len` is the number of picks so far, those that are forgotten, too. dim: of vectors."""

    def __init__(self, dim: int, forgetting: Forgetting | None = None) -> None:
        self._index, self._forgetting = PickIndex(dim), forgetting
        self._texts: list[bytes] = []
        """Of the picks that are known, the oldest first."""
        self.forgotten = 0
        """The oldest, of which nothing is known any more."""
        self._changed: dict[bytes, bytes | None] = {}

    def __len__(self) -> int:
        return self.forgotten + len(self._texts)

    def add(self, row: KnownRow, vector: Vector, when: float) -> None:
        """A pick. when: it was chosen; what is too old or too many then is forgotten."""
        self.forget(when)
        text = replace(row, sequence=None).text()
        self._changed[_key(len(self))] = document_of(text, vector)
        self._texts.append(text)
        self._index.add(vector)
        if self._forgetting:
            self._forgetting.picked(when)

    def forget(self, when: float) -> None:
        """What is too old at a time, or too many for one more. The latest pick is never forgotten."""
        count = self._forgetting.due(when) if self._forgetting else 0
        if not count:
            return
        for key in map(_key, range(self.forgotten, self.forgotten + count)):
            if key in self._changed:  # nobody was told of it
                del self._changed[key]
            else:
                self._changed[key] = None
        self.forgotten += count
        del self._texts[:count]
        self._index.forget(count)

    def counting(
        self, vectors: Vector, breathe: Callable[[], None] = silent
    ) -> tuple[list[int], list[KnownRow], Vector]:
        """The picks that count when is chosen among (M, D) vectors: their ordinals, what is known of them, (E, D)."""
        known = len(self._texts)
        near: set[int] = set()
        for start in range(0, len(vectors) if known else 0, BETWEEN):
            near.update(self._index.nearest(vectors[start : start + BETWEEN])[1].tolist())
            breathe()
        places = sorted({*near, *range(max(0, known - LATEST), known)})
        rows = [KnownRow.read(self._texts[place]) for place in places]
        picked = self._index.rows.take(np.array(places, np.int64))
        return [self.forgotten + place for place in places], rows, picked

    def known(self) -> tuple[list[KnownRow], Vector]:
        """The picks that are known, oldest first, and copies of their vectors, (K, D)."""
        return [KnownRow.read(text) for text in self._texts], self._index.rows.copy()

    def adopt(self, forgotten: int, vectors: Vector, times: Arrays) -> None:
        """Picks that were decided as they came: nothing is known of them but their (K, D) vectors, and of some how old
        they are. forgotten: so many older ones."""
        self.forgotten = forgotten
        for vector in vectors:
            text = KnownRow((-1, len(self)), (UNKNOWN,), {}, 0.0).text()
            self._changed[_key(len(self))] = document_of(text, vector)
            self._texts.append(text)
            self._index.add(vector)
        if self._forgetting:
            self._forgetting.restore(times)
            self._forgetting.adopt(len(vectors))

    def told(self) -> Mapping[bytes, bytes | None]:
        """Documents that changed since the last call; None: gone."""
        changed, self._changed = self._changed, {}
        return changed

    def state(self) -> Arrays:
        """All but what the documents hold."""
        times = self._forgetting.state() if self._forgetting else {}
        counts = np.array([self.forgotten, len(self._texts)], np.int64)
        return {"counts": counts, **{f"forgetting/{key}": array for key, array in times.items()}}

    def restore(self, arrays: Arrays, documents: Documents) -> None:
        """Become what these came from. Raises KeyError or ValueError where they are damaged."""
        self.forgotten, known = arrays["counts"].tolist()
        for ordinal in range(self.forgotten, self.forgotten + known):
            text, vector = read_document(documents[_key(ordinal)], self._index.dim)
            self._texts.append(text)
            self._index.add(vector)
        if self._forgetting:
            self._forgetting.restore(under("forgetting", arrays))
            self._forgetting.adopt(known)


def _key(ordinal: int) -> bytes:
    return EARLIER + b"%d" % ordinal
