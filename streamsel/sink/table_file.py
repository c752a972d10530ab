"""Rows of a fixed schema to a Parquet file, in bounded memory and the same bytes each time.

Rows are gathered into row groups of one size, so how they were handed over does not show, and the only trace of the
writer is pyarrow's version in `created_by`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from streamsel.sink.durable import durable_file

__all__ = ["ROW_GROUP", "TableFile", "table_file"]

ROW_GROUP = 16_384
"""Rows held before they are written."""


class TableFile:
    """An open Parquet file that takes rows, each a mapping from column to value."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._rows: list[Mapping[str, Any]] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Takes one row; a missing column is null, a further key is left out."""
        self._rows.append(row)
        if len(self._rows) == ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        """Writes the rows held as one row group."""
        if self._rows:
            columns = [_column([row.get(field.name) for row in self._rows], field.type) for field in self._schema]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
            self._rows.clear()


@contextmanager
def table_file(path: Path, schema: pa.Schema) -> Iterator[TableFile]:
    """A Parquet file that gets its name, whole, when the block ends well. Raises SinkError."""
    with durable_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd", version="2.6") as writer:
        table = TableFile(writer, schema)
        yield table
        table.flush()


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    """As in JSON: no infinity and no NaN but null, and names that are no valid text are spelled out."""
    if pa.types.is_floating(kind):
        numbers = np.array([np.nan if value is None else value for value in values], np.float64)
        return pa.array(numbers, kind, mask=~np.isfinite(numbers))
    if pa.types.is_string(kind):
        values = [value and value.encode(errors="backslashreplace").decode() for value in values]
    return pa.array(values, kind)
