"""Tables put together with what is known of their rows elsewhere, and cut down to the rows that matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.tables import Column, Objects, Table

__all__ = ["joined", "relevant", "taken"]

Positions = npt.NDArray[np.int64]


def joined(table: Table, metadata: Table) -> Table:
    """The rows of `table` with the columns and objects of `metadata` besides; of one key, those of `metadata` count.

    Where both have names, a row is found by its name, and one that the metadata does not name is not known there;
    else both must have as many rows, in the same order. Raises UsageError where no name is in both, the numbers of
    rows differ, or both hold vectors.
    """
    if table.vectors is not None and metadata.vectors is not None:
        raise UsageError("the table and its metadata both hold vectors: take the column out of one of them")
    if not (table.named and metadata.named):
        return _side_by_side(table, metadata)
    places = _places(table, metadata)
    # A table that brings no vectors of its own takes those of its metadata, so every row must have one.
    if metadata.vectors is not None and (places < 0).any():
        raise UsageError(f"{table.row(int(np.argmin(places)))} has no vector: its name is not in the metadata")
    columns = {key: _gathered(column, places) for key, column in metadata.columns.items()}
    objects = {task: _gathered_objects(held, places) for task, held in metadata.objects.items()}
    vectors = table.vectors if metadata.vectors is None else metadata.vectors[places]
    return _united(table, replace(metadata, names=table.names, vectors=vectors, columns=columns, objects=objects))


def relevant(table: Table, keep: Callable[[str], bool]) -> Table:
    """The rows whose name the predicate keeps, in order. Raises UsageError where it keeps none."""
    places = np.flatnonzero([keep(name) for name in table.names])
    if not len(places):
        raise UsageError(f"none of the {len(table)} rows is relevant: compare the names asked for with those there")
    return table if len(places) == len(table) else taken(table, places)


def taken(table: Table, places: Positions) -> Table:
    """The rows at these positions, 0 or more and each once, in this order."""
    return replace(
        table,
        names=[table.names[place] for place in places],
        vectors=None if table.vectors is None else table.vectors[places],
        columns={key: column[places] for key, column in table.columns.items()},
        objects={task: _gathered_objects(held, places) for task, held in table.objects.items()},
    )


def _side_by_side(table: Table, metadata: Table) -> Table:
    if len(table) != len(metadata):
        raise UsageError(
            f"the table has {len(table)} rows, its metadata {len(metadata)}, and not both have names to join them by"
        )
    named = table if table.named else metadata
    vectors = metadata.vectors if table.vectors is None else table.vectors
    return replace(_united(table, replace(metadata, vectors=vectors)), names=named.names, named=named.named)


def _united(table: Table, more: Table) -> Table:
    """The rows of `more`, which has the vectors, with the columns of both."""
    columns = {**table.columns, **more.columns}
    objects = {**table.objects, **more.objects}
    classes = {**table.classes, **more.classes}
    return replace(more, columns=columns, objects=objects, classes=classes)


def _places(table: Table, metadata: Table) -> Positions:
    """(N,): where each row stands in the metadata, -1 for nowhere."""
    known = {name: place for place, name in enumerate(metadata.names)}
    places = np.fromiter((known.get(name, -1) for name in table.names), np.int64, len(table))
    if (places < 0).all():
        raise UsageError(
            f'no row is named alike in the table ("{table.names[0]}") and its metadata ("{metadata.names[0]}")'
        )
    return places


def _gathered(column: Column, places: Positions) -> Column:
    """Values at these places, not known where a place is -1."""
    missing = places < 0
    if not missing.any():
        return column[places]
    kind = {"b": object, "i": np.float64}.get(column.dtype.kind, column.dtype)
    values = column[places].astype(kind)
    values[missing] = {"f": np.nan, "M": np.datetime64("NaT")}.get(values.dtype.kind)
    return values


def _gathered_objects(held: Objects, places: Positions) -> Objects:
    starts = np.concatenate([[0], held.ends])[places]
    lengths = np.where(places < 0, 0, held.ends[places] - starts)
    ends = np.cumsum(lengths)
    within = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
    return Objects(held.rows[np.repeat(starts, lengths) + within], ends)
