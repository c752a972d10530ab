"""Values of the store as the columns of its rows, and back: JSON text, and raw little-endian bytes. No pickle."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.store import Judged, PickRow, Span, dump_box, dump_marks, load_box, load_marks

__all__ = ["PICK_COLUMNS", "columns_of", "joined", "pick_columns", "pick_row", "vector_bytes", "vector_of"]

PICK_COLUMNS = "ordinal, row, marks, reason, distance, nearest, gains, vector, files, signals, box"


def columns_of(value: Span | Judged) -> tuple[Any, ...]:
    """The fields in order; what is not finite is null."""
    values = tuple(getattr(value, name) for name in value.__slots__)
    return tuple(None if isinstance(v, float) and not np.isfinite(v) else v for v in values)


def pick_columns(pick: PickRow) -> tuple[Any, ...]:
    """A row of the table of picks: `PICK_COLUMNS`, with the source behind the row."""
    files = None if pick.files is None else json.dumps(pick.files)
    distance = float(pick.distance) if np.isfinite(pick.distance) else None
    head = (pick.ordinal, pick.row, pick.marks[0].source, dump_marks(pick.marks), pick.reason, distance, pick.nearest)
    signals, box = json.dumps(dict(pick.signals)), dump_box(pick.box)
    return (*head, json.dumps(dict(pick.gains)), vector_bytes(pick.vector), files, signals, box)


def pick_row(values: tuple[Any, ...]) -> PickRow:
    """The pick of a row read by `PICK_COLUMNS`."""
    ordinal, row, marks, reason, distance, nearest, gains, vector, files, signals, box = values
    return PickRow(
        ordinal,
        row,
        load_marks(marks),
        reason,
        np.inf if distance is None else distance,
        nearest,
        json.loads(gains),
        np.frombuffer(vector, "<f4").astype(np.float32),
        None if files is None else tuple(json.loads(files)),
        json.loads(signals),
        load_box(box),
    )


def vector_bytes(vector: Vector | None) -> bytes | None:
    """Little-endian float32."""
    return None if vector is None else vector.astype("<f4").tobytes()


def vector_of(data: bytes | None) -> Vector | None:
    """What `vector_bytes` gave."""
    return None if data is None else np.frombuffer(data, "<f4").astype(np.float32)


def joined(chunks: list[tuple[str, bytes]]) -> npt.NDArray[Any]:
    """The array of its chunks in order: (head, bytes), of which the head is JSON: dtype and shape."""
    dtype, shape = json.loads(chunks[0][0])
    array = np.frombuffer(b"".join(data for _, data in chunks), dtype).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="))
