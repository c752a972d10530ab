"""Tables written for others: the embeddings CSV that users know, and Parquet with everything that a table holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from streamsel.data import Vector
from streamsel.errors import SinkError, UsageError
from streamsel.tables import Column, Objects, Table
from streamsel.tables.naming import NAMES, OBJECTS, VECTORS, shown
from streamsel.tables.stacking import is_list

__all__ = ["write_embeddings_csv", "write_parquet"]

AT_ONCE = 8192
OPTIONAL = ("masked", "selected")


def write_embeddings_csv(table: Table, path: Path) -> None:
    """Writes `filenames,embedding_0,...,embedding_{D-1},labels`, then `masked` and `selected` where the table has them.

    Labels are the table's column `labels` where it holds integers, else 0. Numbers are written so that reading gives
    the same float32. Raises UsageError for a table without vectors, SinkError when the file cannot be written.
    """
    if table.vectors is None:
        raise UsageError("the table holds no vectors: an embeddings CSV cannot be made of it")
    whole = {key: column for key, column in table.columns.items() if column.dtype.kind == "i"}
    last = {"labels": whole.get("labels", np.zeros(len(table), np.int64))}
    last |= {key: whole[key] for key in OPTIONAL if key in whole}
    header = ["filenames", *(f"embedding_{place}" for place in range(table.vectors.shape[1])), *last]
    with _whole(path) as file:
        file.write((",".join(header) + "\n").encode())
        for start in range(0, len(table), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            columns = [pa.array(table.names[rows], pa.string()), *map(pa.array, table.vectors[rows].T.copy())]
            columns += [pa.array(column[rows]) for column in last.values()]
            pc.write_csv(pa.table(columns, header), file, pc.WriteOptions(include_header=False))


def write_parquet(table: Table, path: Path) -> None:
    """Writes names as `filename`, vectors as `embedding`, objects as `TASK.embeddings`, counts as groups, and columns.

    `read_table` gives the same table back. Raises UsageError where a column has one of these names, SinkError when the
    file cannot be written.
    """
    taken = {*NAMES[:1], *VECTORS[:1]} & set(table.columns)
    if taken:
        raise UsageError(f'column "{min(taken)}" is called like the one that the file needs: rename it')
    parts = (_arrow(table, slice(at, min(at + AT_ONCE, len(table)))) for at in range(0, len(table), AT_ONCE))
    first = next(parts)
    with _whole(path) as file:
        writer = _writer(file, first.schema)
        try:
            for part in chain([first], parts):
                writer.write_table(part)
            writer.close()
        finally:
            writer.is_open = False  # what could not be written is not tried again


def _writer(file: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    """Floats of vectors repeat and compress too little to try."""
    lists = {field.name for field in schema if is_list(field.type)}
    plain = [field.name for field in schema if field.name not in lists and not pa.types.is_struct(field.type)]
    return pq.ParquetWriter(file, schema, compression=dict.fromkeys(plain, "zstd"), use_dictionary=plain)


def _arrow(table: Table, rows: slice) -> pa.Table:
    fields = {"filename": pa.array(table.names[rows], pa.string())}
    if table.vectors is not None:
        fields["embedding"] = _lists(table.vectors[rows])
    counted = {f"{key}.{name}" for key, names in table.classes.items() for name in names}
    for key, column in table.columns.items():
        if key not in counted:
            fields[key] = _values(column, rows)
    for key, names in table.classes.items():
        amounts = [_values(table.columns[f"{key}.{name}"], rows) for name in names]
        fields[key] = pa.StructArray.from_arrays(amounts, names)
    fields |= {f"{task}{OBJECTS}": _nested(objects, rows) for task, objects in table.objects.items()}
    return pa.table(fields)


def _values(column: Column, rows: slice) -> pa.Array:
    if column.dtype != object:
        return pa.array(column[rows], from_pandas=True)
    return pa.array(column[rows], pa.bool_() if any(isinstance(value, bool) for value in column) else pa.string())


def _lists(vectors: Vector) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), max(1, vectors.shape[1]))


def _nested(objects: Objects, rows: slice) -> pa.Array:
    ends = objects.ends[rows]
    start = objects.ends[rows.start - 1] if rows.start else 0
    offsets = np.concatenate([[0], ends - start]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), _lists(objects.rows[start : ends[-1]]))


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when the block ends well, synced, and else leaves nothing (POSIX rename)."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise SinkError(
            f"{shown(path)}: cannot be written ({error.strerror or error}); choose another place"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
