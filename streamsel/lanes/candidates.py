"""The candidates of a window of time: a bounded set of its frames, which stands for all of them.

Each of its members is a document of the lane's state from the moment it came until it is no member any more, and so are
its objects, where their embeddings are read; of the coreset that keeps them few there are arrays, without the vectors,
which the documents hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from itertools import chain
from typing import Final

import numpy as np

from streamsel.coreset import Coreset
from streamsel.data import Vector
from streamsel.lanes.deciding import Arrays, Documents, Entered, Key, under
from streamsel.lanes.known_rows import KnownRow, document_keys, documents_of, read_document, read_objects
from streamsel.rules.totals import Totals

__all__ = ["GIVEN_UP", "HELD", "Candidates", "capacity_of", "picks_at"]

HELD: Final = b"#held/"
"""How the keys of documents of candidates begin; the place of their frame follows, then an object's number there, where
it is one, or that these are vectors of objects."""

GIVEN_UP: Final = b"#given up"
"""The key of a document that stands for those of all candidates where these were taken away: their window is none."""

TIMES: Final = 6
LEAST: Final = 48


def capacity_of(picks: int) -> int:
    """How many candidates there may be, to choose so many of."""
    return max(LEAST, TIMES * picks)


def picks_at(capacity: int) -> int:
    """Of how many picks that is the number of candidates; the most, where several have the same."""
    return capacity // TIMES


class Candidates:
    """capacity: of the set. expected: frames of the window before, where there was one."""

    def __init__(self, capacity: int, dim: int, expected: int = 0) -> None:
        self._coreset = Coreset(capacity, dim, expected=expected or None)
        self._rows: dict[int, KnownRow] = {}
        """By its running index among all that were offered."""
        self.totals = Totals()
        """Of all that was offered."""

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def seen(self) -> int:
        """How many were offered."""
        return self._coreset.seen

    @property
    def pictures(self) -> list[Key]:
        """Of the members, each once, in order of arrival."""
        return [*dict.fromkeys(key for number in sorted(self._rows) for key in self._rows[number].pictures)]

    @property
    def latest(self) -> float:
        """The time of the latest member; -inf without any."""
        return max((row.when for row in self._rows.values()), default=-math.inf)

    def members(self) -> tuple[list[KnownRow], Vector]:
        """All of them in order of arrival, and their (M, D) vectors."""
        members = self._coreset.members()
        return [self._rows[number] for number in members.ids.tolist()], members.rows

    def offer(self, rows: Sequence[Entered]) -> None:
        """Take frames in, in order."""
        if not rows:
            return
        first, worths = self.seen, np.array([row.worth for row in rows], np.float32)
        changes = self._coreset.offer(np.stack([row.vector for row in rows]), worths)
        for number in changes.evicted.tolist():
            del self._rows[number]
        for number in changes.admitted.tolist():
            self._rows[number] = KnownRow.of(rows[number - first])
        self.totals.add([row.signals for row in rows])

    @property
    def keys(self) -> frozenset[bytes]:
        """Of the documents of all members."""
        dim = self._coreset.dim
        made = (document_keys(_key(row.key), row.count, dim) for row in self._rows.values())
        return frozenset(chain.from_iterable(made))

    def documents(self, known: Set[bytes] = frozenset()) -> dict[bytes, bytes]:
        """The documents of all members, but for those that are known."""
        if self.keys <= known:
            return {}
        rows, vectors = self.members()
        told: dict[bytes, bytes] = {}
        for row, vector in zip(rows, vectors, strict=True):
            if (key := _key(row.key)) not in known:
                told |= documents_of(key, row.text(), vector, row.things)
        return told

    def state(self) -> Arrays:
        """All but what the documents hold."""
        coreset = {key: array for key, array in self._coreset.state().items() if key != "rows"}
        keys = [(number, *self._rows[number].key) for number in sorted(self._rows)]
        places = np.array(keys, np.int64).reshape(-1, len(keys[0]) if keys else 3)
        return {**{f"coreset/{key}": array for key, array in coreset.items()}, "places": places, **self.totals.state()}

    @classmethod
    def restored(cls, dim: int, arrays: Arrays, documents: Documents) -> Candidates:
        """What `state` and `documents` tell. Raises KeyError, ValueError or StateError where they are damaged."""
        made = cls(2, dim)
        coreset = under("coreset", arrays)
        vectors: dict[int, Vector] = {}
        for number, *key in arrays["places"].tolist():
            text, vectors[number] = read_document(documents[_key(key)], dim)
            made._rows[number] = KnownRow.read(text, read_objects(_key(key), documents, dim))
        rows = [vectors[number] for number in coreset["ids"].tolist()]
        made._coreset = Coreset.from_state({**coreset, "rows": np.array(rows, np.float32).reshape(-1, dim)})
        made.totals.restore(arrays)
        return made


def _key(key: Sequence[int]) -> bytes:
    return HELD + "/".join(map(str, key)).encode()
