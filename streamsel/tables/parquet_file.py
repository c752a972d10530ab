"""Parquet: names, metadata, vectors and the vectors of objects, read in batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from streamsel.errors import UsageError
from streamsel.tables import Objects, Table
from streamsel.tables.arrow_columns import table_of
from streamsel.tables.naming import OBJECTS, VECTORS, choose_column, explained
from streamsel.tables.stacking import is_list, stacked, stacked_objects

__all__ = ["read_parquet"]

AT_ONCE = 2048

Leaf = tuple[str, ...]


def read_parquet(path: Path, name_column: str | None = None, vector_column: str | None = None) -> Table:
    """The table of a Parquet file.

    The vector is a column of lists of numbers, as many in each row; TASK.embeddings, a column of lists of lists, holds
    the vectors of objects. Other lists, and bytes, are not read. Raises SourceError for what does not fit.
    """
    with explained(path), pq.ParquetFile(path, pre_buffer=False) as file:
        schema = file.schema_arrow
        vector = choose_column(vector_column, VECTORS, schema.names)
        if vector and not is_list(schema.field(vector).type):
            raise UsageError(f'column "{vector}" must hold lists of numbers, got {schema.field(vector).type}')
        vectors = stacked(_chunks(file, (vector,)), file.metadata.num_rows) if vector else None
        leaves = dict(leaf for field in schema for leaf in _leaves(field, ()))
        objects = {task: _objects(file, leaf) for leaf, kind in leaves.items() if (task := _task(leaf, kind))}
        plain = [".".join(leaf) for leaf, kind in leaves.items() if not is_list(kind)]
        return table_of(file.read(columns=plain), vectors, objects, name_column)


def _leaves(field: pa.Field, inside: Leaf) -> Iterator[tuple[Leaf, pa.DataType]]:
    leaf = (*inside, field.name)
    if pa.types.is_struct(field.type):
        for place in range(field.type.num_fields):
            yield from _leaves(field.type.field(place), leaf)
    else:
        yield leaf, field.type


def _task(leaf: Leaf, kind: pa.DataType) -> str:
    """The task whose objects have their vectors here, or nothing."""
    name = ".".join(leaf)
    nested = is_list(kind) and is_list(kind.value_type)
    return name.removesuffix(OBJECTS) if nested and name.endswith(OBJECTS) else ""


def _objects(file: pq.ParquetFile, leaf: Leaf) -> Objects:
    return stacked_objects(_chunks(file, leaf), _numbers_in(file, ".".join(leaf)))


def _chunks(file: pq.ParquetFile, leaf: Leaf) -> Iterator[pa.Array]:
    for batch in file.iter_batches(AT_ONCE, columns=[".".join(leaf)]):
        column = batch.column(0)
        yield pc.struct_field(column, list(leaf[1:])) if leaf[1:] else column


def _numbers_in(file: pq.ParquetFile, name: str) -> int:
    """How many numbers a column of nested lists holds, empty lists counted as one."""
    groups = (file.metadata.row_group(place) for place in range(file.metadata.num_row_groups))
    chunks = (group.column(place) for group in groups for place in range(group.num_columns))
    return sum(chunk.num_values for chunk in chunks if chunk.path_in_schema.startswith(f"{name}."))
