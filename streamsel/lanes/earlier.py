"""Picks of earlier windows, which count as picked when the next one is chosen, until they are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

import numpy as np

from streamsel.data import Mark, Vector
from streamsel.lanes.breath import silent
from streamsel.lanes.deciding import Arrays, Documents, under
from streamsel.lanes.earlier_objects import EarlierObjects
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.known_rows import KnownRow, document_keys, documents_of, read_document, read_objects
from streamsel.selection.stream.pick_index import PickIndex

__all__ = ["EARLIER", "Earlier"]

EARLIER: Final = b"#pick/"
"""How the keys of documents of picks begin; the ordinal follows, and that these are vectors of objects."""

LATEST: Final = 1024
"""So many of the latest picks count whatever is to be chosen. Of older ones only those that are the nearest to a
candidate: no other can change a distance, and each that counts is compared with every other."""

BETWEEN: Final = 64
"""Candidates whose nearest picks are found between two breaths: a second or two of work beside 100,000 picks. Where
objects are compared, there are more of them."""

UNKNOWN: Final = Mark("", 0, 0, Fraction(1))
"""For a pick of which nobody noted where it came from."""


class Earlier:
    """`len` is the number of picks so far, those that are forgotten, too. dim: of vectors. tasks: whose objects'
    vectors are read."""

    def __init__(self, dim: int, forgetting: Forgetting | None = None, tasks: Sequence[str] = ()) -> None:
        self._index, self._forgetting = PickIndex(dim), forgetting
        self._objects = EarlierObjects(tasks, dim)
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
        self._changed |= documents_of(_key(len(self)), text, vector, row.things)
        self._append(text, vector, row.objects)
        if self._forgetting:
            self._forgetting.picked(when)

    def _append(self, text: bytes, vector: Vector, objects: Mapping[str, Vector]) -> None:
        self._texts.append(text)
        self._index.add(vector)
        self._objects.add(objects)

    def forget(self, when: float) -> None:
        """What is too old at a time, or too many for one more. The latest pick is never forgotten."""
        count = self._forgetting.due(when) if self._forgetting else 0
        if not count:
            return
        for ordinal, objects in enumerate(self._objects.forget(count), self.forgotten):
            for key in document_keys(_key(ordinal), objects, self._index.dim):
                if key in self._changed:  # nobody was told of it
                    del self._changed[key]
                else:
                    self._changed[key] = None
        self.forgotten += count
        del self._texts[:count]
        self._index.forget(count)

    def counting(
        self, rows: Sequence[KnownRow], vectors: Vector, breathe: Callable[[], None] = silent
    ) -> tuple[list[int], list[KnownRow], Vector]:
        """The picks that count when is chosen among rows of these (M, D) vectors: their ordinals, what is known of
        them, and their (E, D) vectors."""
        known = len(self._texts)
        near: set[int] = set()
        for start in range(0, len(vectors) if known else 0, BETWEEN):
            part = slice(start, start + BETWEEN)
            near.update(self._index.nearest(vectors[part])[1].tolist())
            near.update(self._objects.near([row.objects for row in rows[part]], breathe))
            breathe()
        places = sorted({*near, *range(max(0, known - LATEST), known)})
        picked = self._index.rows.take(np.array(places, np.int64))
        return [self.forgotten + place for place in places], self._rows(places), picked

    def _rows(self, places: Sequence[int]) -> list[KnownRow]:
        texts, objects = (self._texts[place] for place in places), self._objects.of(places)
        return [KnownRow.read(*known) for known in zip(texts, objects, strict=True)]

    def known(self) -> tuple[list[KnownRow], Vector]:
        """The picks that are known, oldest first, and copies of their vectors, (K, D)."""
        return self._rows(range(len(self._texts))), self._index.rows.copy()

    def adopt(self, forgotten: int, vectors: Vector, times: Arrays) -> None:
        """Picks that were decided as they came: nothing is known of them but their (K, D) vectors, and of some how old
        they are. forgotten: so many older ones."""
        self.forgotten = forgotten
        for vector in vectors:
            text = KnownRow((-1, len(self)), (UNKNOWN,), {}, 0.0).text()
            self._changed |= documents_of(_key(len(self)), text, vector, ())
            self._append(text, vector, {})
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
            key = _key(ordinal)
            text, vector = read_document(documents[key], self._index.dim)
            held = read_objects(key, documents, self._index.dim) if self._objects else None
            self._append(text, vector, {} if held is None else KnownRow.read(text, held).objects)
        if self._forgetting:
            self._forgetting.restore(under("forgetting", arrays))
            self._forgetting.adopt(known)


def _key(ordinal: int) -> bytes:
    return EARLIER + b"%d" % ordinal
