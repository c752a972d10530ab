"""Rows in falling order of a value of which only upper bounds are known: as few as possible are looked at.

Lazy greedy (Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978), a batch at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.selection import Positions

__all__ = ["best_first"]

Values = npt.NDArray[np.float64]

FIRST: Final = 8
"""Blocks whose highest bounds are in the first batch; each further one has four times as many."""
TIED: Final = 64
"""Rows in a batch for each such block at most: whole tables can tie."""


def best_first(bounds: Values, settle: Callable[[Positions], Values]) -> Iterator[int]:
    """Rows by falling value, ties by rising position; rows with a bound of -infinity never come.

    bounds: (N,) float64, no NaN, at or above the values. settle: the values of some rows, above -infinity.
    """
    left = _Bounds(bounds)
    rows, values, wanted = np.empty(0, np.int64), np.empty(0), FIRST
    while True:
        ahead = left.behind(rows, values)
        yield from rows[ahead][np.lexsort((rows[ahead], -values[ahead]))].tolist()
        rows, values = rows[~ahead], values[~ahead]
        if left.ceiling == -np.inf:
            return
        batch = left.take(wanted, values.max(initial=-np.inf))
        rows, values = np.concatenate([rows, batch]), np.concatenate([values, settle(batch)])
        wanted *= 4


class _Bounds:
    """Bounds of rows not settled yet, in blocks of which each knows its highest; -infinity where there is no row."""

    def __init__(self, bounds: Values) -> None:
        block = isqrt(len(bounds)) + 1
        self._blocks = np.full((-(-len(bounds) // block), block), -np.inf)
        self._blocks.reshape(-1)[: len(bounds)] = bounds
        self._peaks = self._blocks.max(axis=1)

    @property
    def ceiling(self) -> float:
        """The highest bound."""
        return float(self._peaks.max(initial=-np.inf))

    def behind(self, rows: Positions, values: Values) -> npt.NDArray[np.bool_]:
        """Which of these settled rows come before all that are left."""
        ahead: npt.NDArray[np.bool_] = values > self.ceiling
        tied = values == self.ceiling
        if tied.any():
            top = int(np.argmax(self._peaks))
            ahead |= tied & (rows < top * self._blocks.shape[1] + np.argmax(self._blocks[top]))
        return ahead

    def take(self, wanted: int, least: float) -> Positions:
        """The rows, in order, of the highest bounds of so many blocks, though none below `least`: they are left out."""
        cut = np.partition(self._peaks, -wanted)[-wanted] if wanted < len(self._peaks) else -np.inf
        cut = max(cut, least, np.finfo(np.float64).min)
        high = np.flatnonzero(self._peaks >= cut)
        some = self._blocks[high]
        block, place = np.nonzero(some >= cut)
        if len(block) > TIED * wanted:
            first = np.sort(np.argsort(-some[block, place], kind="stable")[: TIED * wanted])
            block, place = block[first], place[first]
        some[block, place] = -np.inf
        self._blocks[high], self._peaks[high] = some, some.max(axis=1)
        rows: Positions = high[block] * self._blocks.shape[1] + place
        return rows
