"""What a choice leaves in its folder, and how the same command again knows it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamsel.choosing.table_run import Choosing, TableRun
from streamsel.data import Vector
from streamsel.errors import SinkError, StateError
from streamsel.pool import Entry, Run
from streamsel.pool.datapool import Pool
from streamsel.report.table import Column, Statistics
from streamsel.rules.keys import keys_of, signals_of
from streamsel.rules.material import VECTORS
from streamsel.rules.reached import curve, reached
from streamsel.selection.quality import covering, pairwise
from streamsel.selection.random_numbers import random_numbers
from streamsel.sink.chosen import chosen_record, write_chosen, write_names, write_rows
from streamsel.sink.embeddings import write_embeddings
from streamsel.sink.json_file import write_json

__all__ = ["ChosenFolder", "identity_of", "remember"]

OUTPUTS: Final = (
    "manifest.jsonl",
    "manifest.parquet",
    "decisions.parquet",
    "embeddings.npy",
    "filenames.txt",
    "selection.json",
    "summary.json",
)
COVERED: Final = 20_000
"""Rows at most over which the table measures how far they are from their nearest pick: a seeded sample of more."""


class ChosenFolder:
    """An output folder. Raises StateError where it holds something else or another choice, SinkError if unusable."""

    def __init__(self, folder: Path, identity: str, *, fresh: bool = False) -> None:
        self.folder, self.identity = folder, identity
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = {entry.name for entry in folder.iterdir()}
        except OSError as error:
            raise SinkError(
                f"{folder}: cannot be used as output folder ({error.strerror}); choose another -o"
            ) from error
        if found - set(OUTPUTS) - {f".{name}.part" for name in OUTPUTS}:
            raise StateError(f"{folder}: holds what streamsel choose did not write; choose an empty folder for -o")
        if fresh:
            for name in found:
                (folder / name).unlink(missing_ok=True)
        known = None if fresh else self._known()
        if known is not None and known != identity:
            raise StateError(f"{folder}: holds another choice; use the same options, another -o, or --fresh")
        self.complete = known is not None

    def _known(self) -> str | None:
        """The identity of the choice that is there; the summary is written last."""
        try:
            told = json.loads((self.folder / "summary.json").read_text())
            return str(told["identity"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, OSError) as error:
            raise StateError(f"{self.folder}: its summary.json cannot be read ({error}); use --fresh") from error

    def write(self, run: TableRun, found: Choosing, seconds: float) -> None:
        """All files, the summary last. Raises SinkError."""
        keys, names = keys_of(run.config), found.table.names
        picks = zip(found.order, found.places, strict=True)
        records = (
            chosen_record(names[row], row, found.decisions[row], signals_of(keys, found.batch, place))
            for row, place in picks
        )
        write_chosen(self.folder, records)
        write_rows(self.folder, names, found.decisions)
        write_names(self.folder, [names[row] for row in found.order])
        if found.table.vectors is not None:
            vectors = found.table.vectors
            write_embeddings(self.folder, (vectors[row] for row in found.order), vectors.shape[1])
        write_json(self.folder / "selection.json", run.config.written())
        write_json(self.folder / "summary.json", self._summary(run, found, seconds))

    def _summary(self, run: TableRun, found: Choosing, seconds: float) -> dict[str, Any]:
        drops: dict[str, int] = {}
        for decision in found.decisions:
            if not decision:
                drops[decision.reason] = drops.get(decision.reason, 0) + 1
        statistics = _statistics(found)
        return {
            "version": version("streamsel"),
            "identity": self.identity,
            "table": run.table.name,
            "rows": len(found.table),
            "picks": len(found.order),
            "ended": found.ended,
            "drops": drops,
            "strategies": reached(run.config, found.batch, found.places, found.judged),
            "curve": curve(found.places, found.judged),
            "statistics": None if statistics is None else statistics.to_json(),
            "ignored": list(run.config.worker.ignored),
            "config": run.config.written(),
            "seconds": round(seconds, 3),
        }


def identity_of(run: TableRun, pool: Path | None) -> str:
    """What must be equal for two commands to be the same choice: the files as they are, and the config."""
    files = [run.table, *filter(None, (run.metadata, run.lightly)), *map(Path, run.query_sets.values())]
    told = [[str(path.resolve()), *_stamp(path)] for path in files]
    text = json.dumps([told, sorted(run.query_sets), run.config.written(), run.normalize, str(pool and pool.resolve())])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _stamp(path: Path) -> list[int]:
    return [path.stat().st_size, path.stat().st_mtime_ns] if path.is_file() else []


def remember(folder: ChosenFolder, pool: Pool, table: str) -> None:
    """The picks that a folder holds join the pool, in one step and once, however often this is called."""
    with (folder.folder / "manifest.jsonl").open() as lines:
        records: list[Mapping[str, Any]] = [json.loads(line) for line in lines]
    path = folder.folder / "embeddings.npy"
    vectors: Vector = np.load(path) if path.exists() else np.empty((len(records), 0), np.float32)
    if pool.model is None:
        pool.model, pool.dim = f"table of {vectors.shape[1]} numbers", vectors.shape[1]
    run = Run(folder.identity, datetime.now(UTC), f"choose {table}", (table,))
    pairs = zip(records, vectors, strict=True)
    pool.append(run, (Entry(told["id"], table, told["id"], vector, told["signals"]) for told, vector in pairs))


def _statistics(found: Choosing) -> Statistics | None:
    """The picks beside every n-th row and a random choice of the same size, where rows have vectors."""
    column, picks = found.batch.columns.get(VECTORS), found.places
    if column is None or not picks:
        return None
    rows = column.rows
    n, among = len(picks), len(rows)
    draw = np.argsort(random_numbers([str(row) for row in range(among)]).values, kind="stable")
    seen = rows[np.sort(draw[:COVERED])]
    sets = {"every n-th": [k * among // n for k in range(n)], "random": np.sort(draw[:n]), "streamsel": picks}
    columns = [_column(name, rows[places], seen) for name, places in sets.items()]
    return Statistics((_column("original", seen, None, among), *columns))


def _column(name: str, rows: Vector, seen: Vector | None, samples: int | None = None) -> Column:
    figures = pairwise(rows)
    spread = (figures.mean, figures.min, figures.max, figures.p10, figures.p90)
    count = len(rows) if samples is None else samples
    if seen is None:
        return Column(name, count, *spread, sampled=figures.sampled or count > len(rows))
    of_seen = covering(seen, rows)
    return Column(name, count, *spread, radius=of_seen.radius, coverage=of_seen.mean, sampled=figures.sampled)
