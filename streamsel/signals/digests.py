"""A dictionary of 64-bit keys and values in 16 bytes an entry, which forgets the oldest ones when it is full.

New entries go to a dict; when that is large it is merged into a sorted table. Of tables there are two generations:
when the young one holds half of what is allowed it becomes the old one, and the old one goes. So the half that was
added or asked for last is known for certain, and never more than all that is allowed, beside the dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Digests"]

_FRESH = 1 << 16
"""Entries of the dict."""

Words = npt.NDArray[np.uint64]


class Digests:
    """Digest -> value, both 0 or more and below 2^64, of the latest entries. most: of them, in the tables."""

    def __init__(self, most: int = 4_000_000) -> None:
        self._half = max(most // 2, 1)
        self._fresh: dict[int, int] = {}
        self._young = self._old = np.empty((2, 0), np.uint64)
        """(2, N): digests, sorted, and their values."""

    def __len__(self) -> int:
        return len(self._fresh) + self._young.shape[1] + self._old.shape[1]

    def get(self, digest: int) -> int | None:
        """The value of a digest, if it is known; being asked for makes it one of the latest."""
        for known in (self._fresh.get(digest), _value(self._young, digest)):
            if known is not None:
                return known
        value = _value(self._old, digest)
        if value is not None:
            self.add(digest, value)
        return value

    def add(self, digest: int, value: int) -> None:
        """A digest that is not among those known."""
        self._fresh[digest] = value
        if len(self._fresh) >= min(_FRESH, self._half):
            self._merge()

    def state(self) -> dict[str, Words]:
        """All of it: `fresh`, `young` and `old`, (2, N) uint64 each."""
        return {"fresh": _table(self._fresh), "young": self._young, "old": self._old}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self._fresh = dict(state["fresh"].T.tolist())
        self._young, self._old = state["young"], state["old"]

    def _merge(self) -> None:
        fresh = _table(dict(sorted(self._fresh.items())))
        places = np.searchsorted(self._young[0], fresh[0])
        self._young = np.insert(self._young, places, fresh, axis=1)
        self._fresh = {}
        if self._young.shape[1] >= self._half:
            self._young, self._old = np.empty((2, 0), np.uint64), self._young


def _table(entries: Mapping[int, int]) -> Words:
    return np.array([list(entries), list(entries.values())], np.uint64)


def _value(table: Words, digest: int) -> int | None:
    place = int(np.searchsorted(table[0], np.uint64(digest)))
    found = place < table.shape[1] and int(table[0, place]) == digest
    return int(table[1, place]) if found else None
