"""The output folder of a finished run: its picks as a table, so that one can choose from earlier picks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from streamsel.errors import SourceError, UsageError
from streamsel.tables import Table
from streamsel.tables.arrow_columns import columns_of, table_of
from streamsel.tables.json_lines import arrow_records
from streamsel.tables.naming import explained
from streamsel.tables.numpy_file import read_npy

__all__ = ["read_run"]

MANIFEST = "manifest.parquet"
VECTORS = "embeddings.npy"


def read_run(folder: Path) -> Table:
    """The picks of a run, named by their `id`, with their vectors, the fields of the manifest and their signals.

    A signal has its own key, as a selection config names it; one that is called like a field of the manifest is
    `signals.NAME`. Raises SourceError where the folder holds no finished run.
    """
    if not (folder / MANIFEST).exists():
        raise SourceError(f"{folder}: holds no finished run (no {MANIFEST}); give a folder that a run has written")
    with explained(folder / MANIFEST):
        data = pq.read_table(folder / MANIFEST)
        if not data.num_rows:
            raise UsageError("the run has no pick: nothing can be chosen from it")
        plain = table_of(data.drop_columns(["signals"]), name_column="id")
        columns, classes = columns_of(arrow_records(_signals(data, set(plain.columns))))
        table = replace(plain, columns={**columns, **plain.columns}, classes={**classes, **plain.classes})
    vectors = read_npy(folder / VECTORS).vectors if (folder / VECTORS).exists() else None
    if vectors is not None and len(vectors) != len(table):
        raise SourceError(f"{folder}: {VECTORS} has {len(vectors)} rows and the manifest {len(table)}; run it again")
    return replace(table, vectors=vectors)


def _signals(data: pa.Table, fields: set[str]) -> Iterator[dict[str, Any]]:
    for text in data.column("signals").to_pylist():
        signals = json.loads(text or "{}")
        yield {f"signals.{key}" if key in fields else key: value for key, value in signals.items()}
