"""`streamsel.choose` and `streamsel check`: a selection from a table, and what it can reach, as functions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from streamsel.api import Selection
from streamsel.choosing.checking import check_config, check_table
from streamsel.choosing.choosing import Told, choose_rows
from streamsel.choosing.chosen import ChosenFolder
from streamsel.choosing.finding import Finding
from streamsel.choosing.remembering import remember
from streamsel.choosing.table_run import TableRun
from streamsel.config import SelectionConfig, read_selection
from streamsel.config.query_sets import query_sets_of
from streamsel.errors import UsageError
from streamsel.pool.datapool import Pool

__all__ = ["check", "choose"]

DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


def choose(
    table: str | Path,
    out: str | Path,
    *,
    selection: str | Path | Mapping[str, Any] | SelectionConfig | None = None,
    n: int | None = None,
    proportion: float | None = None,
    metadata: str | Path | None = None,
    lightly: str | Path | None = None,
    query_sets: Mapping[str, str] | Sequence[str] | None = None,
    pool: str | Path | None = None,
    normalize: bool | None = None,
    fresh: bool = False,
    progress: Told = lambda stage, rows, kept: None,
) -> Selection:
    """Choose rows of a table into the folder `out`.

    table: embeddings CSV, Parquet, .npy, JSON lines, or the folder of an earlier run. selection: a selection config, or
    its file; DIVERSITY unless given. query_sets: name -> path, or texts NAME=PATH. n, proportion: in place of what the
    config says. pool: earlier picks count as selected, and the new ones are appended. normalize: whether vectors are
    made as long as one; unless given, as the config says. `streamsel choose --help` tells the others.
    Raises UsageError, SourceError, StateError, SinkError.
    """
    config = config_of(selection, n, proportion)
    paths = [None if path is None else Path(path) for path in (metadata, lightly, pool)]
    run = _run(table, config, paths[0], paths[1], query_sets, normalize)
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = ChosenFolder(Path(out), run, paths[2], fresh=fresh)
        opened = None if paths[2] is None else stack.enter_context(Pool.open(paths[2]))
        if not folder.complete:
            found = choose_rows(run, opened, progress)
            progress("writing", len(found.table), len(found.order))
            folder.write(run, found, begun)
        if opened is not None:
            remember(folder, opened, run)
    return Selection.load(out)


def check(
    selection: str | Path | Mapping[str, Any] | SelectionConfig,
    table: str | Path | None = None,
    *,
    n: int | None = None,
    proportion: float | None = None,
    metadata: str | Path | None = None,
    lightly: str | Path | None = None,
    query_sets: Mapping[str, str] | Sequence[str] | None = None,
    pool: str | Path | None = None,
    normalize: bool | None = None,
) -> list[Finding]:
    """What `choose` with these arguments could reach, without choosing. Nothing is written.

    Without a table the config alone is looked at, and whether query sets are there, and what it reads of a `.lightly`
    folder. What stands in the way of a choice is a finding of level `problem`.
    Raises UsageError for a config that cannot be read.
    """
    config = config_of(selection, n, proportion)
    paths = [None if path is None else Path(path) for path in (metadata, lightly, pool)]
    if table is None:
        return check_config(config, paths[2], paths[1], query_sets_of(query_sets))
    run = _run(table, config, paths[0], paths[1], query_sets, normalize)
    return check_table(run, paths[2])


def _run(
    table: str | Path,
    config: SelectionConfig,
    metadata: Path | None,
    lightly: Path | None,
    query_sets: Mapping[str, str] | Sequence[str] | None,
    normalize: bool | None,
) -> TableRun:
    """A choice from a table, as both describe it."""
    unit = config.worker.normalize_embeddings if normalize is None else normalize
    return TableRun(Path(table), config, metadata, lightly, query_sets_of(query_sets), unit)


def config_of(
    selection: str | Path | Mapping[str, Any] | SelectionConfig | None, n: int | None, proportion: float | None
) -> SelectionConfig:
    """The selection config; n or proportion, at most one, go before what it says."""
    given = {"strategies": [DIVERSITY]} if selection is None else selection
    config = given if isinstance(given, SelectionConfig) else read_selection(given)
    if n is not None and proportion is not None:
        raise UsageError("-n and --proportion exclude each other: give one of them")
    if n is None and proportion is None:
        return config
    if n is not None and n < 1:
        raise UsageError(f"-n: must be 1 or more, got {n}")
    amount = {"n_samples": n} if n is not None else {"proportion_samples": proportion}
    goal = {"n_samples": None, "proportion_samples": None, **amount}
    return read_selection({**config.written(), **goal})
