"""Rows in falling order of a value of which only upper bounds are known: as few as possible are looked at.

Lazy greedy (Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978), a batch at a time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.selection import Positions

__all__ = ["best_first"]

Values = npt.NDArray[np.float64]

FIRST: Final = 8
"""The first batch holds at least so many rows, each further one four times as many."""
TIED: Final = 64
"""A batch holds at most so many times the rows it should, where a whole table ties."""


def best_first(bounds: Values, settle: Callable[[Positions], Values]) -> Iterator[int]:
    """Rows by falling value, ties by rising position; rows with a bound of -infinity never come.

    bounds: (N,) float64, no NaN, at or above the values; overwritten. settle: the values of some rows, above -infinity.
    """
    block, wanted = isqrt(len(bounds)) + 1, FIRST
    peaks = np.maximum.reduceat(bounds, np.arange(0, len(bounds), block)) if len(bounds) else np.empty(0)
    settled: list[tuple[float, int]] = []
    while True:
        ceiling = peaks.max(initial=-np.inf)
        tied = _first_at(ceiling, bounds, peaks, block) if settled and -settled[0][0] == ceiling else 0
        while settled and settled[0] < (-ceiling, tied):
            yield heapq.heappop(settled)[1]
        if ceiling == -np.inf:
            return
        rows = _batch(bounds, peaks, block, wanted)
        for value, row in zip(settle(rows).tolist(), rows.tolist(), strict=True):
            heapq.heappush(settled, (-value, row))
        bounds[rows] = -np.inf
        for touched in np.unique(rows // block):
            peaks[touched] = bounds[touched * block : (touched + 1) * block].max()
        wanted *= 4


def _first_at(ceiling: float, bounds: Values, peaks: Values, block: int) -> int:
    """The first row whose bound is the highest."""
    start = int(np.argmax(peaks)) * block
    return start + int(np.argmax(bounds[start : start + block] == ceiling))


def _batch(bounds: Values, peaks: Values, block: int, wanted: int) -> Positions:
    """About so many rows of the highest bounds, in order: those above all but the highest blocks."""
    cut = np.partition(peaks, -wanted)[-wanted] if wanted < len(peaks) else -np.inf
    starts = np.flatnonzero((peaks >= cut) & (peaks > -np.inf)) * block
    lowest = max(cut, np.finfo(np.float64).min)
    rows = np.concatenate([start + np.flatnonzero(bounds[start : start + block] >= lowest) for start in starts])
    if len(rows) > TIED * wanted:
        rows = np.sort(rows[np.argsort(-bounds[rows], kind="stable")[: TIED * wanted]])
    return rows
