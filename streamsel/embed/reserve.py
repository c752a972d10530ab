"""Rows kept beside the scout's coreset because of what is known of them, whatever they look like.

A row claims places on shelves: those of what is worth most, of a class that a quota counts, of all classes that it
is in at once. Each shelf keeps the rows worth most, among equals some that are spread evenly over all rows.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streamsel.embed import Window

__all__ = ["Claim", "Reserve"]

TURN: Final = 0x9E3779B97F4A7C15
"""2**64 by the golden ratio: the multiples of it that are smallest, modulo 2**64, are of rows spread evenly."""


class Claim(NamedTuple):
    """A row may stand on the shelf `key` of a case, which has up to `places` for all rows that claim them."""

    case: str
    key: str
    places: int


class Reserve:
    """Bounded: `rooms` says how many rows each case of shelves holds. claims: which shelves a window may stand on.

    Laws: a shelf holds the best of all rows that claimed it, as many as it has places. A case that is full lets the
    fullest shelves shrink, one row at a time: each of K shelves keeps room // K rows, or all that it has places for.
    Any cut of the rows into blocks gives the same.
    """

    def __init__(self, claims: Callable[[Window], Sequence[Claim]], rooms: Mapping[str, int]) -> None:
        self._claims = claims
        self._cases = {name: _Case(room) for name, room in rooms.items()}

    def offer(self, row: int, window: Window, worth: float) -> tuple[int, list[int]]:
        """How many shelves the row stands on now, and the rows that left a shelf for it, each as often as it did.

        worth: finite.
        """
        item = (worth, -(row * TURN % 2**64), row)
        found = [self._cases[case].offer(key, places, item) for case, key, places in self._claims(window)]
        left = [gone for gone in found if gone is not None]
        return len(found) - left.count(row), [gone for gone in left if gone != row]

    def rows(self) -> list[int]:
        """The rows held, each as often as it is."""
        return [row for case in self._cases.values() for row in case.rows()]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All shelves, as named arrays."""
        kept = [(name, key, worth, row) for name, case in self._cases.items() for key, worth, row in case.items()]
        named = sorted({(name, key) for name, key, _, _ in kept})
        place = {shelf: at for at, shelf in enumerate(named)}
        return {
            "shelves": np.frombuffer(json.dumps(named).encode(), np.uint8),
            "places": np.array([place[name, key] for name, key, _, _ in kept], np.int64),
            "worth": np.array([worth for _, _, worth, _ in kept], np.float64),
            "rows": np.array([row for _, _, _, row in kept], np.int64),
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        named = json.loads(arrays["shelves"].tobytes())
        self._cases = {name: _Case(case.room) for name, case in self._cases.items()}
        columns = (arrays[name].tolist() for name in ("places", "worth", "rows"))
        for place, worth, row in zip(*columns, strict=True):
            name, key = named[place]
            self._cases[name].put(key, (worth, -(row * TURN % 2**64), row))


Item = tuple[float, int, int]
"""Worth, what settles it among equals, and the row: the largest is the best."""


class _Case:
    """Shelves that share a room: heaps with the worst row on top. Empty ones are not there."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._shelves: dict[str, list[Item]] = {}
        self._held = 0
        self._fullest = 0
        """Rows on the fullest shelf, once the room is full."""

    def offer(self, key: str, places: int, item: Item) -> int | None:
        """Put a row on a shelf; the row that is on it no more, or on another one, which may be itself."""
        shelf = self._shelves.get(key, [])
        if len(shelf) < places and self._held < self.room:
            self.put(key, item)
            return None
        if len(shelf) >= places or len(shelf) + 1 >= self._fullest:
            return heapq.heappushpop(shelf, item)[2]
        fullest = max(self._shelves, key=self._fullness)
        self._held -= 1
        gone = heapq.heappop(self._shelves[fullest])[2]
        self.put(key, item)
        return gone

    def put(self, key: str, item: Item) -> None:
        heapq.heappush(self._shelves.setdefault(key, []), item)
        self._held += 1
        if self._held == self.room:
            self._fullest = max(map(len, self._shelves.values()))

    def _fullness(self, key: str) -> tuple[int, str]:
        return len(self._shelves[key]), key

    def rows(self) -> list[int]:
        return [row for shelf in self._shelves.values() for _, _, row in shelf]

    def items(self) -> list[tuple[str, float, int]]:
        return [(key, worth, row) for key, shelf in self._shelves.items() for worth, _, row in shelf]
