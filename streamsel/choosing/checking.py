"""`streamsel check`: what a selection can reach, told before anything is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np

from streamsel.choosing.checked_config import config_findings, place_of
from streamsel.choosing.checked_constraints import constraint_findings
from streamsel.choosing.checked_files import (
    folder_findings,
    idle_queries,
    missing_queries,
    parts_of,
    problem_at,
)
from streamsel.choosing.checked_goals import Ground, goal_findings
from streamsel.choosing.choosing import check_rows, left_out
from streamsel.choosing.finding import Finding, can_run, fine, note, problem
from streamsel.choosing.included import idle_excludes, impossible_includes
from streamsel.choosing.table_columns import batch_of_table, filter_of, model_of, rows_of, unseen_files, wanted
from streamsel.choosing.table_run import TableRun
from streamsel.config import SelectionConfig
from streamsel.data import Vector
from streamsel.errors import SourceError, StreamselError, UsageError
from streamsel.pool.datapool import Pool
from streamsel.rules.filters import Filter, Reasons
from streamsel.rules.material import batch_of
from streamsel.rules.pool_rows import PoolRows
from streamsel.rules.queries import query_vectors
from streamsel.rules.table_rows import TableRows
from streamsel.rules.unseen import Unseen
from streamsel.selection.columns import Batch

__all__ = ["check_config", "check_table"]

TABLE: Final = "TABLE"
SHOWN: Final = 12
"""Names that cannot be included, told one by one."""


def check_config(
    config: SelectionConfig,
    pool: Path | None = None,
    lightly: Path | None = None,
    query_sets: Mapping[str, str] | None = None,
) -> list[Finding]:
    """What the config says by itself, and whether what it reads is in the `.lightly` folder, where that is named."""
    sets = query_sets or {}
    found = [*config_findings(config, pool), *idle_queries(config, sets), *missing_queries(config, sets)]
    return found if lightly is None else [*found, *folder_findings(config, lightly)]


def check_table(run: TableRun, pool: Path | None = None) -> list[Finding]:
    """What can be reached with a table. What `choose` would refuse is a problem, not raised."""
    found = [*config_findings(run.config, pool, run.table), *idle_queries(run.config, run.query_sets)]
    with ExitStack() as stack:
        try:
            rows = rows_of(run)
            opened = None if pool is None else stack.enter_context(Pool.open(pool, write=False))
        except StreamselError as error:
            return [*found, problem(TABLE, str(error))]
        return [*found, *_Checked(run, rows, opened).findings()]


class _Checked:
    """A table that could be read."""

    def __init__(self, run: TableRun, rows: TableRows, pool: Pool | None) -> None:
        self._run, self._config, self._rows, self._pool = run, run.config, rows, pool

    def findings(self) -> Iterator[Finding]:
        """The way of a choice, up to where something is in the way."""
        vectors = self._rows.vectors()
        embedded = "no embeddings" if vectors is None else f"embeddings of {vectors.shape[1]} numbers"
        yield fine(TABLE, f"{len(self._rows.table)} rows, {embedded}")
        found = [*self._read(), *self._asked()]
        yield from found
        if not can_run(found):
            return
        try:
            batch = batch_of_table(self._config, self._rows)
            if self._pool is not None:
                check_rows(self._pool, self._rows, batch, model_of(self._run.table))
            reasons = filter_of(self._run, self._rows).reasons(batch)
            queries = query_vectors(self._config, self._run.query_sets, None)
        except StreamselError as error:
            yield problem(TABLE, str(error))
            return
        yield from self._filtered(batch, left_out(reasons, self._rows.table, self._pool), queries)

    def _read(self) -> Iterator[Finding]:
        """What each strategy and constraint reads, one by one, so that all that is missing is told."""
        for place, part in parts_of(self._config):
            yield from self._one(place, part)

    def _one(self, place: str, part: SelectionConfig) -> Iterator[Finding]:
        try:
            batch_of_table(part, self._rows)
            query_vectors(part, self._run.query_sets, None)
        except (UsageError, SourceError) as error:
            yield problem_at(place, error)

    @property
    def _says_n(self) -> bool:
        return self._config.n_samples is not None or self._config.proportion_samples is not None

    def _asked(self) -> Iterator[Finding]:
        try:
            if self._says_n:
                wanted(self._config, self._rows)
        except UsageError as error:
            yield problem("n_samples", str(error))

    def _filtered(self, batch: Batch, reasons: Reasons, queries: dict[str, Vector]) -> Iterator[Finding]:
        """How many rows pass each filter and all of them, and what can be reached with those."""
        unseen = Unseen(self._config)
        unseen.meet_batch(batch)
        yield from self._thresholds(batch)
        yield from _notes(unseen.unmet("row"))
        yield from _notes(unseen_files(self._run, self._rows.names))
        yield from _notes(idle_excludes(self._config, self._rows.names))
        passed = np.array([row for row, reason in enumerate(reasons) if reason is None], np.int64)
        if not self._says_n:
            unseen.add_batch(batch.take(passed))
            yield from _notes(unseen.unseen("row"))
            return
        n = wanted(self._config, self._rows)
        yield from self._passing(reasons, len(passed), n)
        complaints = list(impossible_includes(self._config, self._rows, reasons, n, self._pool))
        yield from (problem(*complaint) for complaint in complaints[:SHOWN])
        if len(complaints) > SHOWN:
            yield problem("constraints", f"INCLUDE: {len(complaints) - SHOWN} more like these")
        if len(passed) and n:
            yield from self._reach(batch.take(passed), batch, min(n, len(passed)), queries)

    def _passing(self, reasons: Reasons, passed: int, n: int) -> Iterator[Finding]:
        counts: dict[str, int] = {}
        for reason in reasons:
            if reason is not None:
                counts[reason] = counts.get(reason, 0) + 1
        out = "".join(f"; {count} out: {reason}" for reason, count in counts.items())
        told = f"{passed} of {len(reasons)} rows pass all filters{out}"
        if not passed:
            yield problem(TABLE, f"{told}; nothing can be picked")
        elif passed < n:
            yield note(TABLE, f"{told}; {n} picks are asked for, so all that pass are picked")
        else:
            yield fine(TABLE, f"{told}; {n} picks are asked for")

    def _thresholds(self, batch: Batch) -> Iterator[Finding]:
        for entry in self._config.strategies:
            if entry.strategy.type != "THRESHOLD":
                continue
            alone = self._config.model_copy(update={"strategies": (entry,), "constraints": ()})
            out = sum(reason is not None for reason in Filter(alone).reasons(batch))
            place, passing = place_of(self._config, entry), f"{len(batch) - out} of {len(batch)} rows pass"
            told = note if out in (0, len(batch)) else fine
            yield told(place, f"{entry.label}: {passing}{', so it changes nothing' if not out else ''}")

    def _reach(self, rest: Batch, batch: Batch, n: int, queries: dict[str, Vector]) -> Iterator[Finding]:
        try:
            earlier = self._pool is not None and len(self._pool)
            before = batch_of(self._config, PoolRows(self._pool, batch)) if self._pool and earlier else None
        except UsageError as error:
            yield problem(TABLE, str(error))
            return
        ground = Ground(self._config, rest, before, n, queries)
        for entry in self._config.strategies:
            if entry.strategy.type != "THRESHOLD":
                yield from goal_findings(ground, entry)
        yield from constraint_findings(ground)


def _notes(texts: Iterable[str]) -> Iterator[Finding]:
    """Lines that begin with a place."""
    return (note(*text.split(": ", 1)) for text in texts)
