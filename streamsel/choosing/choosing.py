"""The way of a table: read it, drop what filters forbid, choose among the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamsel.choosing.included import check_included
from streamsel.choosing.table_columns import batch_of_table, filter_of, model_of, rows_of, wanted
from streamsel.choosing.table_run import TableRun
from streamsel.data import Decision
from streamsel.errors import UsageError
from streamsel.pool.datapool import Pool
from streamsel.rules.filters import Filter, Reasons
from streamsel.rules.goals import budget_rules
from streamsel.rules.material import batch_of
from streamsel.rules.pool_rows import PoolRows, check_pool
from streamsel.rules.queries import query_vectors
from streamsel.rules.table_rows import TableRows
from streamsel.rules.unseen import Unseen
from streamsel.selection.budget.best import Best
from streamsel.selection.columns import Batch
from streamsel.tables import Table

__all__ = ["Choosing", "Told", "check_rows", "choose_rows", "left_out"]

Told = Callable[[str, int, int], None]
"""Told the stage, the rows of the table and the picks so far."""


@dataclass(frozen=True, slots=True)
class Choosing:
    """What came out: a decision on every row of the table, and the positions of the picks in the order picked.

    batch: the columns of the rows that passed all filters; `places` are those of the picks in it. before: those of the
    pool's picks. unmet: constraint -> group -> how many picks it lacks. unseen: knows what is named and no row is.
    passed: see `Filter`. means: see `Best`.
    """

    table: Table = field(repr=False)
    order: list[int]
    decisions: list[Decision] = field(repr=False)
    batch: Batch
    before: Batch | None
    places: list[int]
    judged: list[Decision] = field(repr=False)
    ended: str
    unmet: Mapping[str, Mapping[str, int]]
    unseen: Unseen = field(repr=False)
    passed: Mapping[str, Mapping[str, Any]]
    means: Mapping[str, Mapping[str, float]]


def choose_rows(run: TableRun, pool: Pool | None = None, progress: Told = lambda stage, rows, kept: None) -> Choosing:
    """Choose. pool: its picks count as selected and are not picked again.

    Raises UsageError, SourceError; StateError for a pool of other vectors.
    """
    rows = rows_of(run)
    progress("reading", len(rows.table), 0)
    n = wanted(run.config, rows)
    batch = batch_of_table(run.config, rows)
    if pool is not None:
        check_rows(pool, rows, batch, model_of(run.table))
    filters = filter_of(run, rows)
    reasons = left_out(filters.reasons(batch), rows.table, pool)
    check_included(run.config, rows, reasons, n, pool)
    progress("choosing", len(rows.table), 0)
    return _chosen(run, rows.table, batch, reasons, n, pool, filters)


def check_rows(pool: Pool, rows: TableRows, batch: Batch, model: str | None) -> None:
    """Raises UsageError, StateError where these rows cannot join the pool."""
    if not rows.table.named:
        raise UsageError(f"{rows.called}: its rows have no names, by which a pool knows them; add some with --metadata")
    check_pool(pool, batch, model)


def left_out(reasons: Reasons, table: Table, pool: Pool | None) -> Reasons:
    """Why each row is out, of filters or as a pick of the pool; None where it stays."""
    if pool is not None:
        reasons[[row for row, name in enumerate(table.names) if name in pool]] = "in the pool"
    return reasons


def _chosen(
    run: TableRun, table: Table, batch: Batch, reasons: Reasons, n: int, pool: Pool | None, filters: Filter
) -> Choosing:
    decisions = [Decision(False, str(reason or ""), float("inf")) for reason in reasons]
    passed = np.array([row for row, decision in enumerate(decisions) if not decision.reason], np.int64)
    rest = batch if len(passed) == len(batch) else batch.take(passed)
    before = batch_of(run.config, PoolRows(pool, batch)) if pool and len(pool) else None
    best = Best(budget_rules(run.config, query_vectors(run.config, run.query_sets, None)), before=before)
    best.offer(rest)
    places, judged = best.finish(n)
    unseen = Unseen(run.config)
    unseen.meet_batch(batch)
    for seen in filter(None, (before, rest)):
        unseen.add_batch(seen)
    for row, decision in zip(passed.tolist(), judged, strict=True):
        decisions[row] = decision
    order = passed[places].tolist()
    return Choosing(
        table,
        order,
        decisions,
        rest,
        before,
        places,
        judged,
        best.ended,
        best.unmet(),
        unseen,
        filters.passed(),
        best.means(places),
    )
