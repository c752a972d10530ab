"""What a choice from a table leaves: the manifest of its picks, a decision on each row, a list of names.

A record of the manifest has the fields `id` (the row's name), `row` (its position in the table), `distance` (to the
nearest earlier pick; null for the first, or without embeddings), `nearest` (ordinal of that pick, -1: none), `gains`
(strategy -> what the pick added to strength * ln O), `reason`, and `signals` (what the selection read of the row).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from streamsel.data import Decision, Value
from streamsel.sink.durable import durable_file, sync_folder, write_atomic
from streamsel.sink.json_file import json_line, plain
from streamsel.sink.table_file import table_file

__all__ = ["chosen_record", "write_chosen", "write_names", "write_rows"]

CHOSEN: Final = pa.schema(
    [
        ("id", pa.string()),
        ("row", pa.int64()),
        ("distance", pa.float64()),
        ("nearest", pa.int64()),
        ("gains", pa.map_(pa.string(), pa.float64())),
        ("reason", pa.string()),
        ("signals", pa.string()),
    ]
)
ROWS: Final = pa.schema(
    [
        ("id", pa.string()),
        ("row", pa.int64()),
        ("decision", pa.string()),
        ("reason", pa.string()),
        ("distance", pa.float64()),
        ("nearest", pa.int64()),
    ]
)


def chosen_record(name: str, row: int, decision: Decision, signals: Mapping[str, Value]) -> dict[str, Any]:
    """The record of one pick."""
    return {
        "id": name,
        "row": row,
        "distance": decision.distance,
        "nearest": decision.nearest,
        "gains": dict(decision.gains),
        "reason": decision.reason,
        "signals": dict(signals),
    }


def write_chosen(folder: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes `manifest.jsonl` and `manifest.parquet`, each atomically, from records read once. Raises SinkError."""
    with durable_file(folder / "manifest.jsonl") as lines, table_file(folder / "manifest.parquet", CHOSEN) as table:
        for record in records:
            lines.write(json_line(record))
            told = plain(record)
            signals = json_line(told["signals"]).decode().strip()
            table.add({**told, "gains": list(told["gains"].items()), "signals": signals})
    sync_folder(folder)


def write_rows(folder: Path, names: Sequence[str], decisions: Iterable[Decision]) -> None:
    """Writes `decisions.parquet`, a row per row of the table. Raises SinkError."""
    with table_file(folder / "decisions.parquet", ROWS) as table:
        for row, (name, decision) in enumerate(zip(names, decisions, strict=True)):
            told = {"distance": decision.distance, "nearest": decision.nearest, "reason": decision.reason}
            table.add({"id": name, "row": row, "decision": "pick" if decision else "drop", **told})
    sync_folder(folder)


def write_names(folder: Path, names: Iterable[str]) -> None:
    """Writes `filenames.txt`, one name a line: what the product takes as relevant file names. Raises SinkError."""
    text = "".join(f"{name}\n" for name in names)
    write_atomic(folder / "filenames.txt", text.encode(errors="backslashreplace"))
