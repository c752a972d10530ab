"""The figures that judge a selection: how far its members are from each other, and from what they stand for.

Distances are Euclidean. They come from matrix products in float64, and from differences where a product would lose
digits, so identical rows are exactly 0 apart. Rows may carry weights: one of weight w stands for w identical rows,
and every figure is that of the longer table. Percentiles are linear between order statistics, as numpy's are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.selection.rows import check_rows, pair_distance

__all__ = ["Covering", "Pairwise", "covering", "pairwise"]

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.int64]
Walk = Callable[[], Iterable[tuple[Floats, Floats]]]

EXACT_ROWS = 10_000
"""Distinct rows up to which all pairs are looked at."""

KEPT_ROWS = 1_024
TILE = 256
"""Rows of a block: as quick as larger ones, and a table of 6,000 rows takes 100 MB less than with 1,024."""

BINS = 1 << 16
_TENTHS = (1, 9)
_NOTHING = (float("nan"),) * 5
_CLOSE = 1e-8
"""Squared distance, relative to the squared norms, below which a product has lost half its digits."""


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Distances of all pairs i < j: mean, smallest, largest, 10th and 90th percentile; NaN below two rows.

    sampled: there were more than EXACT_ROWS distinct rows, and these are figures of a seeded sample of them.
    """

    mean: float
    min: float
    max: float
    p10: float
    p90: float
    sampled: bool = False

    @property
    def spread(self) -> tuple[float, float, float, float, float]:
        """The five figures, in the order in which a table has them."""
        return self.mean, self.min, self.max, self.p10, self.p90


@dataclass(frozen=True, slots=True)
class Covering:
    """Distances of all rows to their nearest pick: the largest (covering radius) and the mean."""

    radius: float
    mean: float


def pairwise(vectors: Vector, weights: Sequence[int] | Weights | None = None, seed: int = 0) -> Pairwise:
    """Figures over all pairs of (N, D) float32 rows, in O(N^2 D) time and bounded memory.

    weights: (N,) integers of 1 or more. Raises UsageError naming a bad row or weight.
    """
    rows, counts = _distinct(*_checked(vectors, weights))
    sampled = len(rows) > EXACT_ROWS
    if sampled:
        kept = np.sort(np.random.default_rng(seed).choice(len(rows), EXACT_ROWS, replace=False))
        rows, counts = rows[kept], counts[kept]
    if counts.sum() < 2:
        return Pairwise(*_NOTHING)
    return _figures(rows, counts, sampled)


def covering(rows: Vector, picks: Vector, weights: Sequence[int] | Weights | None = None) -> Covering:
    """Figures over the distances of (N, D) float32 rows to the nearest of (K, D) picks, N and K at least 1.

    weights: (N,) integers of 1 or more. Raises UsageError naming a bad row or weight, or what is empty.
    """
    rows, counts = _checked(rows, weights)
    picks, _ = _checked(picks, None)
    if not len(rows) or not len(picks):
        raise UsageError(f"covering needs rows and picks, got {len(rows)} and {len(picks)}")
    if rows.shape[1] != picks.shape[1]:
        raise UsageError(f"picks must have {rows.shape[1]} columns as the rows, got {picks.shape[1]}")
    nearest = np.concatenate([_to_nearest(rows[top : top + TILE], picks) for top in range(0, len(rows), TILE)])
    return Covering(float(nearest.max()), float(np.average(nearest, weights=counts)))


def _figures(rows: Vector, counts: Weights, sampled: bool) -> Pairwise:
    """One walk over the tiles for a histogram, a second for the few bins in which the percentiles lie."""
    walk = _walk(rows, counts)
    same = sum(int(count) * (int(count) - 1) // 2 for count in counts)
    per_bin, histogram = _scale(rows), np.zeros(BINS)
    histogram[0] = same
    total, low, high = 0.0, 0.0 if same else np.inf, 0.0
    for distances, weights in walk():
        total += float(distances @ weights)
        low, high = min(low, float(distances.min())), max(high, float(distances.max()))
        histogram += np.bincount(_bins(distances, per_bin), weights, BINS)
    pairs = int(counts.sum()) * (int(counts.sum()) - 1) // 2
    ranks = [divmod(tenths * (pairs - 1), 10) for tenths in _TENTHS]
    wanted = sorted({rank for whole, _ in ranks for rank in (whole, min(whole + 1, pairs - 1))})
    at = _ranked(walk, histogram, per_bin, same, wanted)
    p10, p90 = (_between(at[whole], at[min(whole + 1, pairs - 1)], rest / 10) for whole, rest in ranks)
    return Pairwise(total / pairs, low, high, p10, p90, sampled)


def _ranked(walk: Walk, histogram: Floats, per_bin: float, same: int, ranks: Sequence[int]) -> dict[int, float]:
    """The distances at these ranks, counted from 0, among all pairs; `same` of them are 0 and not walked over."""
    upto = np.cumsum(histogram)
    places = [min(int(place), BINS - 1) for place in np.searchsorted(upto, ranks, side="right")]
    held = {place: [(np.zeros(1), np.full(1, float(same if place == 0 else 0)))] for place in places}
    for distances, weights in walk():
        bins = _bins(distances, per_bin)
        for place, parts in held.items():
            inside = bins == place
            parts.append((distances[inside], weights[inside]))
    below = upto - histogram
    return {rank: _in_bin(held[place], rank - below[place]) for rank, place in zip(ranks, places, strict=True)}


def _in_bin(parts: list[tuple[Floats, Floats]], rank: float) -> float:
    values, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(values, kind="stable")
    place = np.searchsorted(np.cumsum(weights[order]), rank, side="right")
    return float(values[order[min(int(place), len(order) - 1)]])


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


def _walk(rows: Vector, counts: Weights) -> Walk:
    """Walks over all tiles, again each time; few rows are kept, many are computed anew."""
    if len(rows) > KEPT_ROWS:
        return partial(_tiles, rows, counts)
    kept = list(_tiles(rows, counts))
    return lambda: kept


def _tiles(rows: Vector, counts: Weights) -> Iterator[tuple[Floats, Floats]]:
    """Distances of pairs i < j and the products of their weights, both (P,), tile by tile."""
    starts = range(0, len(rows), TILE)
    for top in starts:
        for left in range(top, len(rows), TILE):
            distances = _distances(rows[top : top + TILE], rows[left : left + TILE])
            weights = np.outer(counts[top : top + TILE], counts[left : left + TILE]).astype(np.float64)
            above = np.triu(np.ones(distances.shape, bool), 1) if left == top else np.ones(distances.shape, bool)
            if above.any():
                yield distances[above], weights[above]


def _to_nearest(rows: Vector, picks: Vector) -> Floats:
    parts = [_distances(rows, picks[left : left + TILE]).min(axis=1) for left in range(0, len(picks), TILE)]
    nearest: Floats = np.min(parts, axis=0)
    return nearest


def _distances(left: Vector, right: Vector) -> Floats:
    """(A, B) float64 distances between two blocks of rows."""
    a, b = left.astype(np.float64), right.astype(np.float64)
    norms = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    squares = norms - 2 * (a @ b.T)
    distances: Floats = np.sqrt(np.maximum(squares, 0))
    close = np.argwhere(squares <= _CLOSE * norms)
    for part in np.array_split(close, len(close) // TILE + 1):
        distances[part[:, 0], part[:, 1]] = pair_distance(left[part[:, 0]], right[part[:, 1]])
    return distances


def _bins(distances: Floats, per_bin: float) -> npt.NDArray[np.int64]:
    return np.minimum((distances * per_bin).astype(np.int64), BINS - 1)


def _scale(rows: Vector) -> float:
    """Bins per unit of distance: no two rows are further apart than twice the largest norm."""
    reach = 2 * float(np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).max()))
    return BINS / reach if reach > 0 else 1.0


def _distinct(rows: Vector, counts: Weights) -> tuple[Vector, Weights]:
    """Each different row once, in the order of first appearance, with the weights of its copies added."""
    place: dict[bytes, int] = {}
    member = np.array(
        [place.setdefault(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), len(place)) for row in rows],
        np.int64,
    )
    _, first = np.unique(member, return_index=True)
    return rows[first], np.bincount(member, counts, len(place)).astype(np.int64)


def _checked(rows: Vector, weights: Sequence[int] | Weights | None) -> tuple[Vector, Weights]:
    table = np.asarray(rows)
    rows = check_rows(table, table.shape[-1] if table.ndim == 2 else 0)
    if weights is None:
        return rows, np.ones(len(rows), np.int64)
    counts = np.asarray(weights)
    if counts.shape != (len(rows),) or (len(rows) and not np.issubdtype(counts.dtype, np.integer)):
        raise UsageError(f"weights must be {len(rows)} integers, got {counts.shape} {counts.dtype}")
    if (counts < 1).any():
        raise UsageError(f"weight {np.flatnonzero(counts < 1)[0]} must be 1 or more, got {counts[counts < 1][0]}")
    return rows, counts.astype(np.int64)
