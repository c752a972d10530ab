"""Rows to try strategies and selectors on: varied, copied, compared, and bad on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.selection.columns import Batch, Counts, Labels, Numbers, Objects, Vectors

__all__ = [
    "as_batch",
    "bad_batches",
    "bad_tables",
    "copied",
    "same_batch",
    "spoil",
    "varied_batch",
    "varied_rows",
]

CLASSES = ("car", "bus", "tram", "bicycle")


def varied_rows(number: int, dim: int, seed: int = 0) -> Vector:
    """(number, dim) float32 of unit norm, in an order of their own: clumps, exact and nearly exact repetitions."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((1 + number // 8, dim))
    rows = centres[random.integers(len(centres), size=number)]
    rows += random.choice([0, 1e-7, 1e-3, 0.3], (number, 1)) * random.standard_normal((number, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def varied_batch(number: int, dim: int = 16, seed: int = 0) -> Batch:
    """A column of every kind: `EMBEDDINGS`, `objects` (none to three a row), `numbers`, `counts` and `labels`.

    The counts are those of the row's objects by class, the numbers have any sign, and all repeat now and then.
    """
    random = np.random.default_rng(seed)
    each = random.integers(0, 4, number)
    counts = np.zeros((number, len(CLASSES)))
    shares = np.array([0.6, 0.25, 0.1, 0.05])
    for row, objects in enumerate(each):
        counts[row] = random.multinomial(objects, shares)
    columns = {
        "EMBEDDINGS": Vectors(varied_rows(number, dim, seed)),
        "objects": Objects(varied_rows(int(each.sum()), dim, seed + 1), np.cumsum(each)),
        "numbers": Numbers(random.choice([0.0, 0.5, random.standard_normal(), *random.standard_normal(8)], number)),
        "counts": Counts(counts, CLASSES),
        "labels": Labels(np.array(random.choice(["day", "night"], number), object)),
    }
    return Batch(columns, number)


def as_batch(rows: Vector | Batch) -> Batch:
    """Embeddings alone as a batch."""
    return rows if isinstance(rows, Batch) else Batch({"EMBEDDINGS": Vectors(rows)}, len(rows))


def copied(batch: Batch) -> Batch:
    """The same rows in memory of their own."""
    return Batch({name: _with(column, np.copy) for name, column in batch.columns.items()}, len(batch))


def spoil(batch: Batch) -> None:
    """Overwrite every number of a batch, as a caller may do who uses its memory again."""
    for array in _arrays(batch):
        array.fill(np.nan if array.dtype.kind == "f" else 0)


def same_batch(left: Batch, right: Batch) -> bool:
    """Equal bit for bit."""
    pairs = zip(_arrays(left), _arrays(right), strict=True)
    return all(a.shape == b.shape and a.tolist() == b.tolist() for a, b in pairs)


def bad_tables(rows: Vector) -> Iterator[tuple[Vector, str]]:
    """Embeddings that must be refused, and what the error must name."""
    place = len(rows) - 1
    for value in (np.nan, np.inf):
        bad = rows.copy()
        bad[place, -1] = value
        yield bad, f"row {place}"
    wide = np.concatenate([rows, rows[:, :1]], axis=1)
    yield wide, f", {wide.shape[1]})"


def bad_batches(batch: Batch, name: str) -> Iterator[tuple[Callable[[], Batch], str]]:
    """Makers of batches that must be refused, there or by who reads this column; and what the error must name."""
    column = batch[name]
    if isinstance(column, Vectors | Objects) and len(column.rows):
        for rows, said in bad_tables(column.rows):
            yield partial(_changed, batch, name, rows=rows), said
    if isinstance(column, Numbers | Counts) and len(column):
        values = column.values.copy()
        values[-1] = np.nan
        yield partial(_changed, batch, name, values=values), f"row {len(column) - 1}"
    yield (lambda: Batch({**batch.columns, name: Labels(np.full(len(batch), None))}, len(batch))), repr(name)


def _changed(batch: Batch, name: str, **values: npt.NDArray[Any]) -> Batch:
    return Batch({**batch.columns, name: replace(batch[name], **values)}, len(batch))


def _with(column: Any, change: Callable[[Any], Any]) -> Any:
    arrays = {field.name: getattr(column, field.name) for field in fields(column)}
    return replace(column, **{name: change(array) for name, array in arrays.items() if isinstance(array, np.ndarray)})


def _arrays(batch: Batch) -> list[npt.NDArray[Any]]:
    columns = batch.columns.values()
    found = [getattr(column, field.name) for column in columns for field in fields(column)]
    return [array for array in found if isinstance(array, np.ndarray)]
