"""What an ended run tells of objects, where they are what was selected: fields of its manifest, crops, counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from streamsel.rules.object_rows import ObjectRows
from streamsel.sink.crops import Crop, crop_record, write_crops
from streamsel.sink.manifest import object_fields
from streamsel.store import PickRow
from streamsel.store.embedded import SqliteStore

__all__ = ["object_counts", "object_record", "write_picked_crops"]


def object_record(record: Mapping[str, Any], pick: PickRow, padding: float) -> dict[str, Any]:
    """The manifest's record of a pick: that of its frame, with what is told of the object, if it is one."""
    return (
        dict(record) if pick.box is None else {**record, **object_fields(record["id"], pick.box, padding, _file(pick))}
    )


def write_picked_crops(
    folder: Path, picks: Iterator[PickRow], records: Iterator[Mapping[str, Any]], padding: float
) -> None:
    """Writes `crops.jsonl`, from the records of the manifest. Raises SinkError."""
    write_crops(folder, (_crop(*pair, padding) for pair in zip(picks, records, strict=True)))


def _crop(pick: PickRow, record: Mapping[str, Any], padding: float) -> dict[str, Any]:
    if pick.box is None:
        raise ValueError(f"pick {pick.ordinal} has no box: it is no object")
    more = {name: record[name] for name in ("distance", "gains", "reason")}
    return crop_record(Crop(pick.marks[0], pick.box, padding), record["parent"], _file(pick), **more)


def _file(pick: PickRow) -> str | None:
    return pick.files[-1] if pick.files else None


def object_counts(store: SqliteStore, objects: ObjectRows, task: str) -> dict[str, Any]:
    """For the summary: objects looked at and picked, on how many frames, and why others were not."""
    picked, frames = next(store.query("SELECT COUNT(*), COUNT(DISTINCT row) FROM pick"))
    drops = dict(sorted(objects.drops.items()))
    return {"task": task, "looked": objects.looked, "picked": picked, "frames": frames, "drops": drops}
