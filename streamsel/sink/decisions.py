"""`decisions.parquet`: why each thing judged was kept or dropped, and what was held for unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from streamsel.sink.durable import sync_folder
from streamsel.sink.table_file import table_file

__all__ = ["DECISIONS", "write_decisions"]

DECISIONS = pa.schema(
    [
        ("source", pa.string()),
        ("first", pa.int64()),  # index of the first frame of the candidate or span
        ("last", pa.int64()),
        ("pts", pa.int64()),  # of the first frame
        ("time", pa.float64()),  # seconds, of the first frame
        ("count", pa.int64()),  # frames spoken for
        ("decision", pa.string()),
        ("reason", pa.string()),
        ("distance", pa.float64()),  # to the nearest pick; null: none yet, or not measured
        ("nearest", pa.int64()),  # ordinal of that pick, -1: none
    ]
)


def write_decisions(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes the file atomically from rows with these columns, read once, in bounded memory. Raises SinkError."""
    with table_file(folder / "decisions.parquet", DECISIONS) as table:
        for row in rows:
            table.add(row)
    sync_folder(folder)
