"""A strategy's column of a batch, or a clear word of what is missing."""

from __future__ import annotations

from typing import TypeVar

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.selection.columns import Batch, Objects, Vectors
from streamsel.selection.rows import check_rows

__all__ = ["column_of", "objects_of", "vectors_of"]

Kind = TypeVar("Kind")


def column_of(batch: Batch, column: str, kind: type[Kind]) -> Kind:
    """The column of that name; UsageError where the batch has none, or one of another kind."""
    found = batch.columns.get(column)
    if not isinstance(found, kind):
        told = "no such column" if found is None else f"{type(found).__name__} there"
        raise UsageError(f"a strategy reads {kind.__name__} from the column {column!r}, and these rows have {told}")
    return found


def vectors_of(batch: Batch, column: str, dim: int) -> Vector:
    """(B, dim) float32; UsageError as `column_of`, and for vectors of another length."""
    return check_rows(column_of(batch, column, Vectors).rows, dim)


def objects_of(batch: Batch, column: str, dim: int) -> Objects:
    """Objects with vectors of that length; UsageError as `vectors_of`."""
    objects = column_of(batch, column, Objects)
    check_rows(objects.rows, dim)
    return objects
