"""The picks beside every n-th frame, a random choice of the same size, and all that was seen."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.report.table import Column, Statistics
from streamsel.run.heirs import Heirs, pairs_of
from streamsel.run.parts import Parts
from streamsel.run.recall import recall
from streamsel.selection.quality import covering, pairwise

__all__ = ["comparison", "since"]

Weights = npt.NDArray[np.int64]


def comparison(parts: Parts) -> Statistics | None:
    """The table, or None when nothing was picked, or nothing new was seen.

    `original` is the weighted coreset of all that was seen; covering is measured over it and over the rows of the
    other columns. Where a run goes on with what came since, every set begins with the picks of before, so that
    all are of one size.
    """
    picks = np.array([pick.vector for pick in parts.store.picks()], np.float32)
    if not picks.size or parts.scout.seen == _rows_before(parts):
        return None
    before = picks[: _picked_before(parts)]
    seen, weights = _seen(parts)
    if not len(seen):
        return None
    samples, more = parts.scout.samples, len(picks) - len(before)
    every_nth = _with(before, parts, samples.every_nth.choose(more))
    random = _with(before, parts, samples.random.choose(more))
    sets = {"every n-th": every_nth, "random": random, "streamsel": picks}
    columns = [_column(name, rows, seen, weights, list(sets.values())) for name, rows in sets.items() if len(rows)]
    return Statistics((_original(seen, weights), *columns))


def since(parts: Parts) -> str:
    """What the table is of, where a run went on with what came since; empty for a run of its own."""
    before = _picked_before(parts)
    if not before:
        return ""
    original = ", and original is what came since" if parts.seen is None else ""
    return f"in the table every set begins with the {before} picks of before --only-new{original}"


def _picked_before(parts: Parts) -> int:
    """Picks of the run that this one goes on from: of the rows that it had seen at its end."""
    return int(next(parts.store.query("SELECT COUNT(*) FROM pick WHERE row < ?", _rows_before(parts)))[0])


def _rows_before(parts: Parts) -> int:
    return parts.store.note("rows") or 0


def _with(before: Vector, parts: Parts, rows: list[int]) -> Vector:
    return np.concatenate([before, recall(parts.store, parts.judge, rows)[1]])


def _seen(parts: Parts) -> tuple[Vector, Weights]:
    """All that was seen as weighted rows: the scout's coreset, or in a stream that of what was embedded."""
    if parts.seen is None:
        ids, counts = parts.scout.overview()
        return recall(parts.store, parts.judge, ids)[1], np.array(counts, np.int64)
    rows, vectors = parts.seen.members()
    return vectors, _held_for(parts, rows)


def _held_for(parts: Parts, rows: list[int]) -> Weights:
    """How many rows each stands for: itself, rows embedded that it took the place of, and rows held for any of them."""
    heirs = Heirs(parts.store)
    counts: Counter[int] = Counter()
    for sql in ("SELECT row, 1 FROM judged", "SELECT row, SUM(frames) FROM span WHERE row >= 0 GROUP BY row"):
        holders, frames = pairs_of(parts.store, sql)
        for row, count in zip(heirs.resolve(holders).tolist(), frames.tolist(), strict=True):
            counts[row] += count
    return np.array([max(1, counts[row]) for row in rows], np.int64)


def _original(seen: Vector, weights: Weights) -> Column:
    figures = pairwise(seen, weights)
    return Column("original", int(weights.sum()), *figures.spread, sampled=figures.sampled)


def _column(name: str, rows: Vector, seen: Vector, weights: Weights, others: list[Vector]) -> Column:
    figures = pairwise(rows)
    of_seen = covering(seen, rows, weights)
    radius = max([of_seen.radius, *(covering(other, rows).radius for other in others if len(other))])
    return Column(name, len(rows), *figures.spread, radius=radius, coverage=of_seen.mean, sampled=figures.sampled)
