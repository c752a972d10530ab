"""`sequence_information.json`: the frames of each selected sequence, for tools that cut or read them by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from streamsel.data import Mark
from streamsel.sink.json_file import write_json

__all__ = ["sequence_entry", "write_sequences"]


def sequence_entry(marks: Sequence[Mark], names: Sequence[str]) -> dict[str, Any]:
    """What is said of one sequence.

    Video: `video_name`, `frame_names`, `frame_timestamps_pts`, `frame_timestamps_sec`, `frame_indices`. Stills:
    `filenames` alone. names: one per frame, with or without a file of this name being written.
    """
    if marks[0].name:
        return {"filenames": list(names)}
    return {
        "video_name": marks[0].source,
        "frame_names": list(names),
        "frame_timestamps_pts": [mark.pts for mark in marks],
        "frame_timestamps_sec": [mark.time for mark in marks],
        "frame_indices": [mark.index for mark in marks],
    }


def write_sequences(folder: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Writes the file atomically, a list of entries in the order picked. Raises SinkError."""
    write_json(folder / "sequence_information.json", list(entries))
