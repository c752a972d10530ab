"""What n picks can reach at all: the largest and smallest share, the largest and smallest sum, how many fit.

Each bound stands alone: other strategies and constraints may leave less.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.selection.columns import Labels, Numbers

__all__ = ["gap_fits", "largest_share", "picks_until", "quota_fits", "smallest_share", "sums"]

Values = npt.NDArray[np.float64]

EXACT = 1e-12
"""Shares that differ by less are the same."""


def largest_share(amounts: Values, totals: Values, n: int, earlier: tuple[float, float] = (0.0, 0.0)) -> float:
    """The largest share, 0..1, that a class can have among n of N rows and what was picked earlier.

    amounts: (N,) of the class, totals: (N,) of all classes, 0 or more. earlier: amount and total of earlier picks.
    A ratio of sums over n rows is largest where the sum of amount - share * total is, for the share itself (Dinkelbach,
    "On nonlinear fractional programming", 1967): a few rounds of taking the n best rows end at it.
    """
    share = 0.0
    while True:
        rows = _best(amounts - share * totals, n)
        found = _share(amounts[rows], totals[rows], earlier)
        if found <= share + EXACT:
            return max(found, share)
        share = found


def smallest_share(amounts: Values, totals: Values, n: int, earlier: tuple[float, float] = (0.0, 0.0)) -> float:
    """The smallest share, 0..1, by the same way: it is what all other classes leave. Picks that hold nothing have 0."""
    empty = int(np.count_nonzero(totals == 0))
    if empty >= n and earlier[1] == 0:
        return 0.0
    others = (earlier[1] - earlier[0], earlier[1])
    return max(0.0, 1 - largest_share(totals - amounts, totals, n, others))


def _best(values: Values, n: int) -> npt.NDArray[np.int64]:
    return np.arange(len(values)) if n >= len(values) else np.argpartition(-values, max(n - 1, 0))[:n]


def _share(amounts: Values, totals: Values, earlier: tuple[float, float]) -> float:
    total = float(totals.sum()) + earlier[1]
    return (float(amounts.sum()) + earlier[0]) / total if total > 0 else 0.0


def sums(values: Values, n: int) -> tuple[float, float]:
    """The smallest and the largest sum of n of (N,) values."""
    ranked = np.sort(values)
    return float(ranked[:n].sum()), float(ranked[len(ranked) - min(n, len(ranked)) :].sum())


def picks_until(values: Values, goal: float) -> tuple[int | None, int | None]:
    """The fewest and the most picks of (N,) values after which their sum is `goal` or more; None: it never is.

    The most is of values of 0 and above; where some are below, it is not known and None as well.
    """
    ranked = np.sort(values)
    fewest = np.flatnonzero(np.cumsum(ranked[::-1]) >= goal)
    most = np.flatnonzero(np.cumsum(ranked) >= goal) if len(ranked) and ranked[0] >= 0 else fewest[:0]
    return (int(fewest[0]) + 1 if len(fewest) else None), (int(most[0]) + 1 if len(most) else None)


def quota_fits(sizes: npt.NDArray[np.int64], most: npt.NDArray[np.int64], rows: int) -> int:
    """How many of the rows fit, where of each of G groups at most so many do; sizes: rows of each, without overlap."""
    return int(np.minimum(sizes, most).sum()) + rows - int(sizes.sum())


def gap_fits(sources: Labels, times: Numbers, seconds: float) -> int:
    """How many rows fit, no two of one source nearer in time: of each source the first, and each next that may be."""
    last: dict[object, float] = {}
    fits = 0
    for row in np.argsort(times.values, kind="stable").tolist():
        source, time = sources.values[row], float(times.values[row])
        if source not in last or time - last[source] >= seconds - 1e-6:
            last[source] = time
            fits += 1
    return fits
