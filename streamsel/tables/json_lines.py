"""JSON lines: one object a row; nested objects have dotted keys, and vectors may be there as lists of numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from streamsel.errors import UsageError
from streamsel.tables import Table
from streamsel.tables.arrow_columns import table_of
from streamsel.tables.naming import OBJECTS, VECTORS, choose_column, explained
from streamsel.tables.stacking import is_list, stacked, stacked_objects

__all__ = ["arrow_records", "read_json_lines"]

AT_ONCE = 4096


def read_json_lines(path: Path, name_column: str | None = None, vector_column: str | None = None) -> Table:
    """The table of a JSON lines file, UTF-8; empty lines are passed over, and so are lists that are no vectors.

    Raises SourceError naming the line that is no JSON object, or the column that holds values of different kinds.
    """
    with explained(path):
        data = arrow_records(_records(path))
        vector = choose_column(vector_column, VECTORS, data.column_names)
        if vector and not is_list(data.schema.field(vector).type):
            raise UsageError(f'"{vector}" must hold lists of numbers, got {data.schema.field(vector).type}')
        vectors = stacked(data.column(vector).chunks, data.num_rows) if vector else None
        objects = {
            key.removesuffix(OBJECTS): stacked_objects(column.chunks, _numbers_in(column))
            for name in data.column_names
            for key, column in _leaves(name, data.column(name))
            if key.endswith(OBJECTS) and is_list(column.type) and is_list(column.type.value_type)
        }
        return table_of(data, vectors, objects, name_column)


def arrow_records(records: Iterator[dict[str, Any]]) -> pa.Table:
    """Records as an Arrow table with a column for every key, null where a record has none."""
    blocks = [_block(part) for part in iter(lambda: list(islice(records, AT_ONCE)), [])]
    return pa.concat_tables(blocks, promote_options="permissive") if blocks else pa.table({})


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except (ValueError, RecursionError) as error:
                raise UsageError(f"line {number} is no JSON ({error})") from error
            if not isinstance(record, dict):
                raise UsageError(f"line {number} must be an object in braces, with the values of one row")
            yield record


def _block(records: list[dict[str, Any]]) -> pa.Table:
    columns = {}
    for key in dict.fromkeys(key for record in records for key in record):
        try:
            columns[key] = pa.array([record.get(key) for record in records])
        except (pa.ArrowException, OverflowError) as error:
            raise UsageError(f'column "{key}" holds values of different kinds ({error})') from error
    return pa.table(columns) if columns else pa.table({"": pa.nulls(len(records))}).select([])


def _leaves(key: str, column: pa.ChunkedArray) -> Iterator[tuple[str, pa.ChunkedArray]]:
    if not pa.types.is_struct(column.type):
        yield key, column
        return
    for place, child in enumerate(column.flatten()):
        yield from _leaves(f"{key}.{column.type.field(place).name}", child)


def _numbers_in(column: pa.ChunkedArray) -> int:
    return sum(len(chunk.flatten().flatten()) for chunk in column.chunks)
