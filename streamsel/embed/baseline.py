"""Which rows the report compares the picks with: every n-th and random, kept in one pass with bounded memory.

Both choose by position alone, never by content, and say at once which row joins and which leave.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.embed import Window
from streamsel.embed.larder import Larder

__all__ = ["EveryNth", "NoSamples", "RandomSample", "Samples"]

Array = npt.NDArray[Any]


class EveryNth:
    """Rows at a regular stride that doubles when more than `capacity` are held: half of it to all of it stay."""

    def __init__(self, capacity: int) -> None:
        self.capacity = max(2, capacity)
        self.stride, self.seen = 1, 0
        self.rows: list[int] = []

    def expect(self, rows: int) -> None:
        """About so many rows are about to come: begin with a stride at which a quarter of them fit."""
        while not self.seen and rows > 4 * self.capacity * self.stride:
            self.stride *= 2

    def offer(self, row: int) -> tuple[bool, list[int]]:
        """Whether the row joins, and the rows that leave for it."""
        self.seen += 1
        if (self.seen - 1) % self.stride:
            return False, []
        self.rows.append(row)
        if len(self.rows) <= self.capacity:
            return True, []
        left = self.rows[1::2]
        self.rows, self.stride = self.rows[::2], self.stride * 2
        return row not in left, [r for r in left if r != row]

    def choose(self, count: int) -> list[int]:
        """`count` of the held rows (or all), evenly spread from the first on."""
        count = min(count, len(self.rows))
        return [self.rows[k * len(self.rows) // count] for k in range(count)]

    def state(self) -> dict[str, Array]:
        """Arrays from which `restore` makes the same sample again."""
        return {"rows": np.array(self.rows, np.int64), "counts": np.array([self.stride, self.seen], np.int64)}

    def restore(self, state: dict[str, Array]) -> None:
        """Become what `state` was taken from."""
        self.rows = state["rows"].tolist()
        self.stride, self.seen = state["counts"].tolist()


class RandomSample:
    """The rows whose seeded hash is smallest: a uniform sample that depends on neither order nor restarts.

    Bottom-k sampling: Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
    """

    def __init__(self, capacity: int, seed: int = 0) -> None:
        self.capacity, self.seed = max(1, capacity), seed
        self._heap: list[tuple[int, int]] = []  # (-hash, row): the largest hash on top

    @property
    def rows(self) -> list[int]:
        """The rows held, smallest hash first."""
        return [row for _, row in sorted(self._heap, reverse=True)]

    def offer(self, row: int) -> tuple[bool, list[int]]:
        """Whether the row joins, and the rows that leave for it."""
        item = (-self._hash(row), row)
        if len(self._heap) < self.capacity:
            heapq.heappush(self._heap, item)
            return True, []
        left = heapq.heappushpop(self._heap, item)[1]
        return (False, []) if left == row else (True, [left])

    def choose(self, count: int) -> list[int]:
        """A random sample of `count` rows (or all that are held), in row order."""
        return sorted(self.rows[:count])

    def state(self) -> dict[str, Array]:
        """The rows held; hashes are computed anew."""
        return {"rows": np.array(self.rows, np.int64)}

    def restore(self, state: dict[str, Array]) -> None:
        """Become what `state` was taken from."""
        self._heap = [(-self._hash(row), row) for row in state["rows"].tolist()]
        heapq.heapify(self._heap)

    def _hash(self, row: int) -> int:
        key = self.seed.to_bytes(8, "little")
        return int.from_bytes(blake2b(row.to_bytes(8, "little"), key=key, digest_size=8).digest())


class Samples:
    """Both samples of one run, and the larder that keeps their pictures."""

    def __init__(self, larder: Larder, capacity: int) -> None:
        self.larder = larder
        self.every_nth, self.random = EveryNth(2 * capacity), RandomSample(capacity)

    def expect(self, rows: int | None) -> None:
        """A source of about so many rows begins: what would only come to leave again need not be held."""
        self.every_nth.expect(rows or 0)

    def offer(self, row: int, window: Window, vector: Vector | None = None) -> None:
        """Show every row, in order."""
        for sample in (self.every_nth, self.random):
            joins, leave = sample.offer(row)
            if joins:
                self.larder.hold(row, window, vector)
            for gone in leave:
                self.larder.release(gone)

    def users(self) -> list[int]:
        """The rows in use, each as often as it is."""
        return [*self.every_nth.rows, *self.random.rows]

    def state(self) -> dict[str, Array]:
        """Both samples' arrays."""
        return {**_named("every", self.every_nth.state()), **_named("random", self.random.state())}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Become what `state` was taken from; the larder is not touched."""
        self.every_nth.restore({"rows": arrays["every.rows"], "counts": arrays["every.counts"]})
        self.random.restore({"rows": arrays["random.rows"]})


class NoSamples(Samples):
    """In place of samples, where there will be nothing to compare."""

    def __init__(self, larder: Larder) -> None:
        super().__init__(larder, 1)

    def offer(self, row: int, window: Window, vector: Vector | None = None) -> None:
        """Holds nothing."""


def _named(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}
