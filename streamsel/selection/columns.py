"""Columns: what strategies read of rows. Five kinds, each with one entry per row, and the Batch that holds them.

A row is one thing judged: a frame, a sequence or an object crop. A Batch names its columns, all equally long; a
strategy is told the name of the one that it reads. Frozen; what is built from bad values raises UsageError that names
the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import UsageError

__all__ = ["Batch", "Column", "Counts", "Labels", "Numbers", "Objects", "Vectors", "concatenate"]

Positions = npt.NDArray[np.int64]
Label = str | int | float | bool


class Column(Protocol):
    """One kind of value for each of N rows."""

    def __len__(self) -> int: ...

    def take(self, positions: npt.ArrayLike) -> Self:
        """The rows at these positions, in this order; a slice keeps a view."""
        ...


@dataclass(frozen=True, slots=True)
class Vectors:
    """Embeddings. rows: (N, D) float32, finite; unit norm where distances of 0..2 are meant."""

    rows: Vector = field(repr=False)

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or self.rows.dtype != np.float32:
            raise UsageError(f"embeddings must be (N, D) float32, got {self.rows.shape} {self.rows.dtype}")
        _refuse_rows(np.isfinite(np.einsum("ij,ij->i", self.rows, self.rows)), "an embedding with NaN or infinity")

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: npt.ArrayLike) -> Vectors:
        """See `Column`."""
        return Vectors(self.rows[np.asarray(positions)])


@dataclass(frozen=True, slots=True)
class Objects:
    """Embeddings of the objects of each row, any number of them, also none.

    rows: (M, D) float32, those of row 0 first. ends: (N,) int64, where in `rows` each row's objects end.
    """

    rows: Vector = field(repr=False)
    ends: Positions = field(repr=False)

    def __post_init__(self) -> None:
        Vectors(self.rows)
        if (np.diff(self.ends, prepend=0) < 0).any() or (self.ends[-1] if len(self.ends) else 0) != len(self.rows):
            raise UsageError("the ends of a row's objects must rise to the number of objects")

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def counts(self) -> Positions:
        """(N,) int64: objects of each row."""
        return np.diff(self.ends, prepend=0)

    def of(self, row: int) -> Vector:
        """(m, D) float32: the objects of one row."""
        return self.rows[self.ends[row - 1] if row else 0 : self.ends[row]]

    def take(self, positions: npt.ArrayLike) -> Objects:
        """See `Column`."""
        chosen = np.asarray(positions)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        parts = [self.of(int(row)) for row in chosen]
        empty = np.empty((0, self.rows.shape[1]), np.float32)
        return Objects(np.concatenate([empty, *parts]), np.cumsum([len(part) for part in parts], dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Numbers:
    """values: (N,) float64, finite: metadata, scores, category counts, random numbers."""

    values: npt.NDArray[np.float64] = field(repr=False)

    def __post_init__(self) -> None:
        _refuse_rows(np.isfinite(self.values), "NaN or infinity in place of a number")

    def __len__(self) -> int:
        return len(self.values)

    def take(self, positions: npt.ArrayLike) -> Numbers:
        """See `Column`."""
        return Numbers(self.values[np.asarray(positions)])


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of each class a row holds: objects, probabilities, or 1 for its category.

    values: (N, C) float64, finite, 0 or more. classes: the C names, distinct.
    """

    values: npt.NDArray[np.float64] = field(repr=False)
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.classes):
            raise UsageError(f"counts of {len(self.classes)} classes must be (N, C), got {self.values.shape}")
        if len(set(self.classes)) != len(self.classes):
            raise UsageError(f"classes must be distinct, got {', '.join(self.classes)}")
        right = np.all(np.isfinite(self.values) & (self.values >= 0), axis=1)
        _refuse_rows(right, "NaN, infinity or a number below 0 in place of a count")

    def __len__(self) -> int:
        return len(self.values)

    def take(self, positions: npt.ArrayLike) -> Counts:
        """See `Column`."""
        return Counts(self.values[np.asarray(positions)], self.classes)


@dataclass(frozen=True, slots=True)
class Labels:
    """One category a row. values: (N,) of any hashable kind, None where there is none: only filters read it."""

    values: npt.NDArray[np.object_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, positions: npt.ArrayLike) -> Labels:
        """See `Column`."""
        return Labels(self.values[np.asarray(positions)])


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows: columns by name, all `length` long."""

    columns: Mapping[str, Any] = field(repr=False)
    length: int

    def __post_init__(self) -> None:
        wrong = {name: len(column) for name, column in self.columns.items() if len(column) != self.length}
        if wrong:
            raise UsageError(f"columns must be {self.length} rows long, got {wrong}")

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, name: str) -> Any:
        return self.columns[name]

    def take(self, positions: npt.ArrayLike) -> Batch:
        """The rows at these positions."""
        taken = {name: column.take(positions) for name, column in self.columns.items()}
        chosen = np.asarray(positions)
        return Batch(taken, int(chosen.sum()) if chosen.dtype == bool else len(chosen))

    def blocks(self, size: int) -> Iterator[Batch]:
        """Consecutive parts of at most `size` rows."""
        for start in range(0, self.length, size):
            yield self.take(np.arange(start, min(start + size, self.length)))


def concatenate(batches: Sequence[Batch]) -> Batch:
    """The rows of one or more batches with the same columns, one after the other.

    Counts of different classes become counts of all of them, a class that a batch does not know counting 0.
    """
    if len(batches) == 1:
        return batches[0]
    names = batches[0].columns
    return Batch({name: _joined([b[name] for b in batches]) for name in names}, sum(map(len, batches)))


def _joined(columns: Sequence[Any]) -> Any:
    kind = type(columns[0])
    if kind is Counts:
        classes = tuple(dict.fromkeys(name for column in columns for name in column.classes))
        return Counts(np.concatenate([_spread(column, classes) for column in columns]), classes)
    if kind is Objects:
        starts = np.cumsum([0, *(len(column.rows) for column in columns[:-1])])
        ends = [column.ends + start for column, start in zip(columns, starts, strict=True)]
        return Objects(np.concatenate([column.rows for column in columns]), np.concatenate(ends))
    name = "rows" if kind is Vectors else "values"
    return kind(np.concatenate([getattr(column, name) for column in columns]))


def _spread(column: Counts, classes: tuple[str, ...]) -> npt.NDArray[np.float64]:
    values = np.zeros((len(column), len(classes)))
    values[:, [classes.index(name) for name in column.classes]] = column.values
    return values


def _refuse_rows(right: npt.NDArray[np.bool_] | np.bool_, what: str) -> None:
    wrong: Sequence[int] = np.flatnonzero(~right).tolist()
    if wrong:
        raise UsageError(f"row {wrong[0]} holds {what}: leave it out or mend it")
