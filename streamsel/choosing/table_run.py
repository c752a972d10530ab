"""The way of a table: read it, drop what filters forbid, choose among the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.data import Decision
from streamsel.errors import UsageError
from streamsel.pool.datapool import Pool
from streamsel.rules.filters import Filter
from streamsel.rules.goals import budget_rules
from streamsel.rules.material import VECTORS, batch_of
from streamsel.rules.pool_rows import PoolRows
from streamsel.rules.queries import query_vectors
from streamsel.rules.table_rows import TableRows
from streamsel.selection.budget.best import Best
from streamsel.selection.columns import Batch
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.tables import Table
from streamsel.tables.reading import read_table

__all__ = ["Choosing", "TableRun", "Told", "choose_rows"]

Told = Callable[[str, int, int], None]
"""Told the stage, the rows of the table and the picks so far."""


@dataclass(frozen=True, slots=True)
class TableRun:
    """What is to be done. metadata: a second file for the same rows. query_sets: name -> path.

    lightly: a `.lightly` folder, whose predictions, metadata and relevant file names go by the rows' names.
    """

    table: Path
    config: SelectionConfig
    metadata: Path | None = None
    lightly: Path | None = None
    query_sets: Mapping[str, str] = field(default_factory=dict)
    normalize: bool = True


@dataclass(frozen=True, slots=True)
class Choosing:
    """What came out: a decision on every row of the table, and the positions of the picks in the order picked.

    batch: the columns of the rows that passed all filters; `places` are those of the picks in it.
    """

    table: Table = field(repr=False)
    order: list[int]
    decisions: list[Decision] = field(repr=False)
    batch: Batch
    places: list[int]
    judged: list[Decision] = field(repr=False)
    ended: str


def choose_rows(run: TableRun, pool: Pool | None = None, progress: Told = lambda stage, rows, kept: None) -> Choosing:
    """Choose. pool: its picks count as selected and are not picked again. Raises UsageError, SourceError."""
    table = read_table(run.table, metadata=run.metadata, normalize=run.normalize)
    progress("reading", len(table), 0)
    n = _wanted(run.config, table)
    folder = LightlyFolder.named(run.lightly) if run.lightly else None
    batch = batch_of(run.config, TableRows(table, folder, run.config.lightly_path_regex))
    reasons = Filter(run.config, _relevant(run.config, folder)).reasons(batch)
    if pool is not None:
        reasons[[row for row, name in enumerate(table.names) if name in pool]] = "in the pool"
    progress("choosing", len(table), 0)
    return _chosen(run, table, batch, reasons, n, pool)


def _wanted(config: SelectionConfig, table: Table) -> int:
    config.check_goal()
    rows = len(table)
    if config.n_samples is not None and config.n_samples > rows:
        raise UsageError(f"n_samples {config.n_samples}: the table has {rows} rows; ask for {rows} or fewer")
    wanted = config.budget(rows)
    return rows if wanted is None else wanted


def _relevant(config: SelectionConfig, folder: LightlyFolder | None) -> Callable[[str], bool] | None:
    name = config.worker.relevant_filenames_file
    if not name:
        return None
    if folder is None:
        raise UsageError(f"relevant_filenames_file {name}: name the .lightly folder that holds it with --lightly")
    return folder.relevant(name).includes


def _chosen(run: TableRun, table: Table, batch: Batch, reasons: Any, n: int, pool: Pool | None) -> Choosing:
    decisions = [Decision(False, str(reason or ""), float("inf")) for reason in reasons]
    passed = np.array([row for row, decision in enumerate(decisions) if not decision.reason], np.int64)
    rest = batch if len(passed) == len(batch) else batch.take(passed)
    before = batch_of(run.config, PoolRows(pool, vectors=VECTORS in batch.columns)) if pool and len(pool) else None
    best = Best(budget_rules(run.config, query_vectors(run.config, run.query_sets, None)), before=before)
    best.offer(rest)
    places, judged = best.finish(n)
    for row, decision in zip(passed.tolist(), judged, strict=True):
        decisions[row] = decision
    return Choosing(table, passed[places].tolist(), decisions, rest, places, judged, best.ended)
