"""Arrow's columns as a Table's: nested ones get dotted keys, maps and groups of numbers are known as counts besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.tables import Column, Objects, Table
from streamsel.tables.naming import NAMES, choose_column, numbered

__all__ = ["columns_of", "table_of", "texts"]

Named = dict[str, Column]
Classes = dict[str, tuple[str, ...]]

MOST_CLASSES = 4096
"""A map with more keys than this is no count by class."""


def table_of(
    data: pa.Table,
    vectors: Vector | None = None,
    objects: dict[str, Objects] | None = None,
    name_column: str | None = None,
) -> Table:
    """A Table from the columns that hold names and metadata; lists and bytes among them are passed over."""
    keys = data.column_names
    repeated = next((key for key in keys if keys.count(key) > 1), None)
    if repeated is not None:
        raise UsageError(f'two columns are called "{repeated}"')
    name = choose_column(name_column, NAMES, keys)
    rows = data.num_rows if keys or vectors is None else len(vectors)
    names = _names(data.column(name)) if name else numbered(rows)
    columns, classes = columns_of(data.drop_columns([name] if name else []))
    return Table(names, vectors, columns, objects or {}, classes, named=name is not None)


def columns_of(data: pa.Table) -> tuple[Named, Classes]:
    """The columns of a Table, and which of them are counts."""
    columns: Named = {}
    classes: Classes = {}
    for key in data.column_names:
        for leaf, values in _leaves(key, data.column(key), classes):
            if leaf in columns:
                raise UsageError(f'two columns are called "{leaf}"')
            columns[leaf] = values
    return columns, classes


def texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of text as integers, numbers or booleans if all of it reads as such; else as it is."""
    for kind in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            return pc.cast(column, kind)
        except pa.ArrowInvalid:
            continue
    return column


def _names(column: pa.ChunkedArray) -> list[str]:
    """Names as text; an empty one where there is none, which a Table refuses."""
    return [name or "" for name in pc.cast(column, pa.string()).to_pylist()]


def _leaves(key: str, column: pa.ChunkedArray, classes: Classes) -> Iterator[tuple[str, Column]]:
    kind = column.type
    if pa.types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        if fields and all(_is_number(field.type) for field in fields):
            classes[key] = tuple(field.name for field in fields)
        for field, child in zip(fields, column.flatten(), strict=True):
            counted = key in classes and pa.types.is_floating(field.type)
            yield from _leaves(f"{key}.{field.name}", _spoiled(child) if counted else child, classes)
    elif pa.types.is_map(kind) and _is_number(kind.item_type):
        amounts = _amounts(key, column)
        classes[key] = tuple(amounts)
        yield from ((f"{key}.{name}", values) for name, values in amounts.items())
    elif pa.types.is_dictionary(kind):
        yield from _leaves(key, column.cast(kind.value_type), classes)
    elif (read := _reader(kind)) is not None:
        yield key, read(column)


def _amounts(key: str, column: pa.ChunkedArray) -> Named:
    """class -> (N,) float64 from a map: 0 where a row does not name the class, NaN where a row has no map."""
    maps = column.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.float64())]))).combine_chunks()
    ends = np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(maps), 0)))
    pairs = pc.list_flatten(maps)
    coded = pc.struct_field(pairs, "key").dictionary_encode()
    names = coded.dictionary.to_pylist()
    if len(names) > MOST_CLASSES:
        raise UsageError(f'column "{key}" has {len(names)} different keys, and counts at most {MOST_CLASSES} classes')
    values = np.zeros((len(names), len(maps)))
    values[:, ~np.asarray(maps.is_valid())] = np.nan
    rows = np.searchsorted(ends, np.arange(len(pairs)), "right")
    numbers = _spoiled(pc.struct_field(pairs, "value"))
    values[np.asarray(coded.indices), rows] = numbers.to_numpy(zero_copy_only=False)
    return dict(zip(names, values, strict=True))


def _spoiled(amounts: Any) -> Any:
    """Amounts whose NaN is infinity: a count that is not there is 0, one that is no number must not pass for it."""
    return pc.if_else(pc.is_nan(amounts), pa.scalar(np.inf, amounts.type), amounts)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _reader(kind: pa.DataType) -> Callable[[pa.ChunkedArray], Column] | None:
    """What makes an array of a column of this type; None: the type is passed over."""
    if pa.types.is_boolean(kind):
        return _booleans
    if _is_number(kind):
        return _numbers
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _times
    if _is_text(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_null(kind):
        return _labels
    return None


def _booleans(column: pa.ChunkedArray) -> Column:
    values: Column = column.to_numpy(zero_copy_only=False)
    return values


def _numbers(column: pa.ChunkedArray) -> Column:
    whole = pa.types.is_integer(column.type) and not column.null_count and column.type != pa.uint64()
    values: Column = pc.cast(column, pa.int64() if whole else pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _times(column: pa.ChunkedArray) -> Column:
    """Microseconds since 1970 UTC; a time without a zone is taken for UTC."""
    values: npt.NDArray[np.datetime64] = pc.cast(column, pa.timestamp("us"), safe=False).to_numpy()
    return values.astype("M8[us]")


def _labels(column: pa.ChunkedArray) -> Column:
    """Equal labels are one object, so that a million rows of few labels stay small."""
    coded = pc.cast(column, pa.string()).combine_chunks().dictionary_encode()
    words = np.array([*coded.dictionary.to_pylist(), None], object)
    places = pc.fill_null(coded.indices, len(words) - 1)
    labels: Column = words[np.asarray(places)]
    return labels
