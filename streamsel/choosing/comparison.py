"""The picks beside every n-th row and a random choice of the same size."""

from __future__ import annotations

from typing import Final

import numpy as np

from streamsel.data import Vector
from streamsel.report.table import Column, Statistics
from streamsel.rules.material import VECTORS
from streamsel.selection.columns import Batch
from streamsel.selection.quality import covering, pairwise
from streamsel.selection.random_numbers import random_numbers

__all__ = ["comparison"]

COVERED: Final = 20_000
"""Rows at most over which the table measures how far they are from their nearest pick: a seeded sample of more."""
PAIRED: Final = 4_000
"""Rows at most of all of which it measures the distances of pairs."""


def comparison(batch: Batch, picks: list[int]) -> Statistics | None:
    """The table, of rows that passed all filters and the places of the picks; None without picks or vectors."""
    column = batch.columns.get(VECTORS)
    if column is None or not picks:
        return None
    rows = column.rows
    n, among = len(picks), len(rows)
    draw = np.argsort(random_numbers([str(row) for row in range(among)]).values, kind="stable")
    seen = rows[np.sort(draw[:COVERED])]
    sets = {"every n-th": [k * among // n for k in range(n)], "random": np.sort(draw[:n]), "streamsel": picks}
    columns = [_column(name, rows[places], seen) for name, places in sets.items()]
    return Statistics((_column("original", rows[np.sort(draw[:PAIRED])], None, among), *columns))


def _column(name: str, rows: Vector, seen: Vector | None, samples: int | None = None) -> Column:
    figures = pairwise(rows)
    count = len(rows) if samples is None else samples
    if seen is None:
        return Column(name, count, *figures.spread, sampled=figures.sampled or count > len(rows))
    of_seen = covering(seen, rows)
    return Column(name, count, *figures.spread, radius=of_seen.radius, coverage=of_seen.mean, sampled=figures.sampled)
