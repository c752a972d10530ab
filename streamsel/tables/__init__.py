"""tables: ready rows read from files, to choose from with no video at all.

A Table holds one row per thing that can be picked: its name, perhaps its vector, and what else is known of it.
`reading` says which files make one, `joining` puts a table and its metadata together, `writing` gives them back. What
cannot be read raises SourceError with the file, the row and its name.

Columns are arrays of N values, and their dtype says what they are:

- float64 and int64: numbers, NaN where a number is not known;
- datetime64: points in time, UTC, NaT where not known;
- bool: true or false;
- object: labels (str, or bool where some are missing), None where not known.

What was nested has dotted keys: `weather.rain`. A map or a group of numbers by class (`objects.car`, `objects.dog`)
is besides known as counts under the key of the whole (`objects`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import UsageError

__all__ = ["Column", "Objects", "Table"]

Column = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]

MOST_SHOWN = 8


class Objects(NamedTuple):
    """Vectors of the objects of each row. rows: (M, D) float32, those of row 0 first; ends: (N,) int64, rising to M."""

    rows: Vector
    ends: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """N rows, N >= 1.

    names:   what each row is called, all different and not empty.
    vectors: (N, D) float32, finite; None where the file has none.
    columns: key -> (N,) values; see the module's text.
    objects: task -> the vectors of each row's objects, finite.
    classes: key of counts -> class names; the amounts are the columns `KEY.CLASS`.
    named:   whether the names come from a file; otherwise they are the numbers of the rows, from 0.

    Raises UsageError that names the row, its name and the column.
    """

    names: Sequence[str] = field(repr=False)
    vectors: Vector | None = field(default=None, repr=False)
    columns: Mapping[str, Column] = field(default_factory=dict, repr=False)
    objects: Mapping[str, Objects] = field(default_factory=dict, repr=False)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    named: bool = True

    def __post_init__(self) -> None:
        if not self.names:
            raise UsageError("the table holds no row: nothing can be chosen from it")
        self._check_names()
        if self.vectors is not None:
            self._check_vectors(self.vectors, len(self), "vector", int)
        for task, objects in self.objects.items():
            self._check_objects(task, objects)
        self._check_columns()

    def __len__(self) -> int:
        return len(self.names)

    def row(self, position: int) -> str:
        """How messages call a row: its number from 0, and its name."""
        return f'row {position} ("{self.names[position]}")' if self.named else f"row {position}"

    def owner(self, task: str, place: int) -> int:
        """The row that an object belongs to; place: its position in `objects[task].rows`."""
        return int(np.searchsorted(self.objects[task].ends, place, "right"))

    def numbers(self, key: str) -> Numbers:
        """(N,) float64, finite; points in time as seconds since 1970 UTC.

        Raises UsageError when there is no such column, it holds labels, or a row's number is not known.
        """
        column = self._column(key)
        if column.dtype.kind not in "fiM":
            raise UsageError(f'column "{key}" holds labels, not numbers')
        values = _seconds(column) if column.dtype.kind == "M" else column.astype(np.float64)
        unknown = np.flatnonzero(~np.isfinite(values))
        if len(unknown):
            raise UsageError(f'{self.row(int(unknown[0]))} has no number in column "{key}": fill it in or leave it out')
        return values

    def labels(self, key: str) -> Labels:
        """(N,) str, int, bool, or float where numbers are not whole; None where not known. Times are ISO 8601 text.

        Raises UsageError when there is no such column.
        """
        column = self._column(key)
        if column.dtype.kind == "M":
            return _known(np.datetime_as_string(column).astype(object), ~np.isnat(column))
        if column.dtype.kind != "f":
            return column.astype(object)
        known = ~np.isnan(column)
        values = np.where(known, column, 0)
        whole = bool(np.isfinite(values).all()) and np.array_equal(values, np.rint(values))
        return _known(values.astype(np.int64).astype(object) if whole else values.astype(object), known)

    def counts(self, key: str) -> tuple[Numbers, tuple[str, ...]]:
        """(N, C) float64 and the C class names. A class that a row does not name counts 0.

        Raises UsageError when there are no such counts.
        """
        if key not in self.classes:
            raise UsageError(f'no column "{key}" holds counts by class{_nearest(key, self.classes)}')
        classes = self.classes[key]
        values = np.empty((len(self), len(classes)))
        for place, name in enumerate(classes):
            amounts = self.columns[f"{key}.{name}"]
            values[:, place] = np.where(np.isnan(amounts), 0, amounts)
        return values, classes

    def _column(self, key: str) -> Column:
        if key not in self.columns:
            raise UsageError(f'there is no column "{key}"{_nearest(key, self.columns)}')
        return self.columns[key]

    def _check_names(self) -> None:
        if self.named and len(set(self.names)) < len(self):
            name = next(name for name, times in Counter(self.names).items() if times > 1)
            rows = [row for row, other in enumerate(self.names) if other == name]
            raise UsageError(f'rows {rows[0]} and {rows[1]} are both named "{name}": names must differ')
        if self.named and "" in self.names:
            raise UsageError(f"row {list(self.names).index('')} has no name")

    def _check_objects(self, task: str, objects: Objects) -> None:
        rows, ends = objects
        if ends.shape != (len(self),) or (np.diff(ends, prepend=0) < 0).any() or ends[-1] != len(rows):
            raise UsageError(f'the ends of the objects of "{task}" must rise to {len(rows)}, one for each row')
        self._check_vectors(rows, len(rows), f'object of "{task}"', lambda place: self.owner(task, place))

    def _check_columns(self) -> None:
        for key, column in self.columns.items():
            if column.shape != (len(self),):
                raise UsageError(f'column "{key}" must hold {len(self)} values, got {column.shape}')
        for key, names in self.classes.items():
            whole = all(f"{key}.{name}" in self.columns for name in names)
            if key in self.columns or not whole:
                raise UsageError(f'column "{key}" must be either values or counts, with a column for each class')

    def _check_vectors(self, rows: Vector, length: int, what: str, owner: Callable[[int], int]) -> None:
        if rows.ndim != 2 or rows.dtype != np.float32 or len(rows) != length or (length and not rows.shape[1]):
            raise UsageError(f"{what}s must be ({length}, D) float32, got {rows.shape} {rows.dtype}")
        # Squares may overflow where the numbers themselves are finite, so what looks wrong is looked at again.
        suspects = np.flatnonzero(~np.isfinite(np.einsum("ij,ij->i", rows, rows)))
        wrong = next((int(row) for row in suspects if not np.isfinite(rows[row]).all()), None)
        if wrong is not None:
            raise UsageError(f"{self.row(owner(wrong))}: NaN or infinity in its {what}; leave the row out or mend it")


def _seconds(times: Column) -> Numbers:
    seconds = times.astype("M8[us]").astype(np.int64) / 1e6
    return np.where(np.isnat(times), np.nan, seconds)


def _known(values: Labels, known: npt.NDArray[np.bool_]) -> Labels:
    values[~known] = None
    return values


def _nearest(key: str, keys: Collection[str]) -> str:
    """What else there is, to be said behind that there is no such key."""
    for match in get_close_matches(key, keys, n=1):
        return f'; did you mean "{match}"?'
    more = " ..." if len(keys) > MOST_SHOWN else ""
    return f"; there are {', '.join(list(keys)[:MOST_SHOWN])}{more}" if keys else "; there are none"
