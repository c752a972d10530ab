"""The picks of a choice join a pool."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from streamsel.choosing.chosen import ChosenFolder, digest
from streamsel.choosing.table_columns import model_of
from streamsel.choosing.table_run import TableRun
from streamsel.data import Vector
from streamsel.pool import Entry, Run
from streamsel.pool.datapool import Pool
from streamsel.rules.pool_rows import model_of_table

__all__ = ["remember"]


def remember(folder: ChosenFolder, pool: Pool, run: TableRun) -> None:
    """The picks that a folder holds join the pool, in one step and once, however often this is called."""
    lines = (folder.folder / "manifest.jsonl").read_bytes()
    records: list[Mapping[str, Any]] = [json.loads(line) for line in lines.splitlines()]
    path = folder.folder / "embeddings.npy"
    vectors: Vector = np.load(path) if path.exists() else np.empty((len(records), 0), np.float32)
    if pool.model is None:
        dim = vectors.shape[1]
        pool.model, pool.dim = model_of(run.table) or model_of_table(dim), dim
    # The same command with another -o picks other rows, since these are in the pool: another run.
    id, table = digest(folder.identity.encode() + lines), run.table.name
    pairs = zip(records, vectors, strict=True)
    pool.append(
        Run(id, datetime.now(UTC), f"choose {table}", (table,)), (_entry(told, table, row) for told, row in pairs)
    )


def _entry(told: Mapping[str, Any], table: str, vector: Vector) -> Entry:
    source = told["signals"].get("SOURCE") or table
    return Entry(told["id"], str(source), told["id"], vector, told["signals"])
