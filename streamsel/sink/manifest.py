"""The manifest: one record per pick, in the order picked, as JSON lines and as a table.

A record has the fields `id`, `source`, `index`, `pts`, `time` (seconds), `sequence`, `distance` (to the nearest
earlier pick; null for the first), `nearest` (the `id` of that pick; null where there is none), `gains` (strategy ->
gain), `reason`, `signals` (what the selection read of it, name -> a number, a label, or counts by class; JSON text in
the table), `file` (relative to the output folder; null in a dry run). A pick of more than one frame has in `frames`
the `index`, `pts`, `time` and `file` of each, and in the fields above those of its first. A pick that is an object has
its own `id`, in the fields above what its frame has, and those of `object_fields`. `index_exact` is false where the
index is the rank among the packets, and else left out of the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from streamsel.data import Box, Decision, Mark, Value
from streamsel.sink.durable import durable_file, sync_folder
from streamsel.sink.json_file import json_line, plain
from streamsel.sink.names import object_id
from streamsel.sink.table_file import table_file

__all__ = ["MANIFEST", "OBJECTS", "manifest_record", "object_fields", "write_manifest"]

Record = Mapping[str, Any]

_FRAME = [("index", pa.int64()), ("pts", pa.int64()), ("time", pa.float64()), ("file", pa.string())]
_NUMBERS = pa.map_(pa.string(), pa.float64())
MANIFEST = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("index", pa.int64()),
        ("pts", pa.int64()),
        ("time", pa.float64()),
        ("sequence", pa.int64()),
        ("distance", pa.float64()),
        ("nearest", pa.string()),
        ("gains", _NUMBERS),
        ("reason", pa.string()),
        ("signals", pa.string()),
        ("file", pa.string()),
        ("index_exact", pa.bool_()),
        ("frames", pa.list_(pa.struct(_FRAME))),
    ]
)
OBJECTS = pa.schema(
    [
        *MANIFEST,
        ("parent", pa.string()),
        ("object", pa.int64()),
        ("box", pa.list_(pa.float64())),
        ("label", pa.string()),
        ("score", pa.float64()),
        ("padding", pa.float64()),
        ("crop", pa.string()),
    ]
)
"""The same with what is told of objects, where they are what is selected."""


def manifest_record(
    marks: Sequence[Mark],
    decision: Decision,
    id: str,
    files: Sequence[str],
    *,
    sequence: int | None = None,
    signals: Mapping[str, Value] | None = None,
    index_exact: bool = True,
    nearest: str | None = None,
) -> dict[str, Any]:
    """The record of one pick: its frames' marks and the decision that kept it.

    id: `streamsel.sink.names.frame_id` of its first frame. files: what the sink's `write` gave: one per frame, or one
    for all, or none. sequence: number of the sequence in its source, for L > 1. nearest: `id` of the nearest pick.
    """
    named = list(files) if len(files) == len(marks) else [*files, None][:1] * len(marks)
    frames = [_frame(mark, file) for mark, file in zip(marks, named, strict=True)]
    record = {"id": id, "source": marks[0].source, **frames[0]}
    record |= {"sequence": sequence, "distance": decision.distance, "nearest": nearest, "gains": dict(decision.gains)}
    record |= {"reason": decision.reason, "signals": dict(signals or {}), "file": record.pop("file")}
    if not index_exact:
        record["index_exact"] = False
    if len(marks) > 1:
        record["frames"] = frames
    return record


def object_fields(parent: str, box: Box, padding: float, crop: str | None) -> dict[str, Any]:
    """What the record of an object has beside its frame's fields, and its own `id` in place of the frame's, `parent`.

    `object`: its place among the frame's predictions. `box`: [x, y, width, height] in pixels. crop: its file.
    """
    place = [box.x, box.y, box.width, box.height]
    own = {"id": object_id(parent, box.index), "parent": parent, "object": box.index, "box": place}
    return own | {"label": box.label, "score": box.score, "padding": padding, "crop": crop}


def write_manifest(folder: Path, records: Iterable[Record], schema: pa.Schema = MANIFEST) -> None:
    """Writes `manifest.jsonl` and `manifest.parquet`, each atomically, from records read once. Raises SinkError."""
    with durable_file(folder / "manifest.jsonl") as lines, table_file(folder / "manifest.parquet", schema) as table:
        for record in records:
            lines.write(json_line(record))
            table.add(_row(plain(record)))
    sync_folder(folder)


def _frame(mark: Mark, file: str | None) -> dict[str, Any]:
    return {"index": mark.index, "pts": mark.pts, "time": mark.time, "file": file}


def _row(record: dict[str, Any]) -> dict[str, Any]:
    texts = {"gains": list(record["gains"].items()), "signals": json_line(record["signals"]).decode().strip()}
    return {"index_exact": True, **record, **texts}
