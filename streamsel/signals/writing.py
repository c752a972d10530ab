"""Writes side files in the formats that are read here: for tests, for examples, for what streamsel itself predicts.

A file appears under its name whole or not at all: it is written under a temporary name beside it and renamed (POSIX,
rename). It is not synced: side files can be made again. What could not be read back is refused before it is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from streamsel.errors import SinkError, UsageError
from streamsel.signals.frame_names import json_path
from streamsel.signals.metadata import metadata_from_json
from streamsel.signals.metadata_schema import Entry, entries_from_json, entries_to_json
from streamsel.signals.mismatch import MismatchError
from streamsel.signals.predictions import Prediction, predictions_from_json, predictions_to_json
from streamsel.signals.schema import TaskSchema, schema_from_json, schema_to_json
from streamsel.signals.side_folder import SideFolder, shown

__all__ = ["write_metadata", "write_metadata_schema", "write_prediction", "write_task"]


def write_task(folder: Path, schema: TaskSchema) -> None:
    """Writes the schema of a task and adds the task to `tasks.json`. folder: `.lightly`. Raises SinkError."""
    content = schema_to_json(schema)
    _check(lambda: schema_from_json(schema.task, content), schema.task)
    _write(folder, f"predictions/{schema.task}/schema.json", content)
    listed = SideFolder(folder).json("predictions/tasks.json")
    _write(folder, "predictions/tasks.json", list(dict.fromkeys([*(listed[0] if listed else ()), schema.task])))


def write_prediction(folder: Path, schema: TaskSchema, name: str, predictions: Sequence[Prediction]) -> None:
    """Writes what a task says of one frame or picture, by its name. folder: `.lightly`.

    Raises UsageError when a prediction does not fit the schema, SinkError when it cannot be written.
    """
    content = predictions_to_json(name, predictions)
    _check(lambda: predictions_from_json(schema, content), name)
    _write(folder, f"predictions/{schema.task}/{json_path(name)}", content)


def write_metadata_schema(folder: Path, entries: Sequence[Entry]) -> None:
    """Writes what metadata there is. folder: `.lightly`. Raises UsageError, SinkError."""
    content = entries_to_json(tuple(entries))
    _check(lambda: entries_from_json(content), "metadata")
    _write(folder, "metadata/schema.json", content)


def write_metadata(
    folder: Path, name: str, metadata: Mapping[str, Any], kind: Literal["image", "video", "frame"] = "image"
) -> None:
    """Writes the metadata of one picture, video or frame, by its name. folder: `.lightly`.

    metadata: nested mappings and lists of what JSON can hold. Raises UsageError, SinkError.
    """
    content = {"file_name": name, "type": kind, "metadata": dict(metadata)}
    _check(lambda: metadata_from_json(content), name)
    _write(folder, f"metadata/{json_path(name)}", content)


def _check(read: Any, what: str) -> None:
    try:
        read()
    except MismatchError as mismatch:
        raise UsageError(f"{what}: {mismatch}") from None


def _write(folder: Path, name: str, content: Any) -> None:
    """Writes one JSON file below the folder."""
    if name.startswith("/") or {"", ".", ".."} & {*name.split("/")}:
        raise UsageError(f"{name!r}: name files relative to the input's root, without ./ and ../")
    try:
        data = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: {error}; only what JSON can hold is written") from error
    _replace(folder / name, data)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise SinkError(
            f"cannot write {shown(path)}: {error.strerror or error}; check the folder and the disk"
        ) from error
