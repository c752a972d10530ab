"""Rows of a pool, as material: what earlier runs picked counts as picked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.rules.keys import key_of
from streamsel.rules.material import SOURCE, TIME, VECTORS
from streamsel.rules.values import labels_of, one_class_each, to_column
from streamsel.selection.columns import Batch, Column, Counts, Numbers, Objects
from streamsel.signals.scores import scale_object_frequency

if TYPE_CHECKING:
    from streamsel.pool.datapool import Pool

__all__ = ["PoolRows", "check_model", "check_pool", "model_of_table"]


class PoolRows:
    """A `Material`. What a pool does not know of a pick counts nothing: a number is 0, there are no objects.

    `object_frequency` is remembered as it was counted, and scaled by the smallest and the largest of the pool.

    like: the rows that are chosen from; vectors and objects are as long as theirs. count: only so many, the oldest.
    but: ids of runs whose rows are left out.
    """

    def __init__(self, pool: Pool, like: Batch, count: int | None = None, but: Sequence[str] = ()) -> None:
        runs = (run.id for run in pool.history for _ in range(run.count))
        told = islice(zip(pool.rows(), runs, strict=True), count)
        self._kept = [(place, entry) for place, (entry, run) in enumerate(told) if run not in but]
        entries = [entry for _, entry in self._kept]
        self.names = [entry.name for entry in entries]
        self._values: list[Mapping[str, Any]] = [entry.values for entry in entries]
        self._sources = [entry.source for entry in entries]
        self._pool, self._like = pool, like

    def vectors(self) -> Vector | None:
        """See `Material`."""
        places = [place for place, _ in self._kept]
        return self._pool.vectors[places] if VECTORS in self._like.columns else None

    def objects(self, task: str) -> Objects:
        """See `Material`."""
        dim = self._like[f"{VECTORS} {task}"].rows.shape[1]
        return Objects(np.empty((0, dim), np.float32), np.zeros(len(self.names), np.int64))

    def value(self, column: str, kind: str, read: Any) -> Column:
        """See `Material`."""
        unknown = 0.0 if kind == "numbers" else None
        found = [values.get(key_of(read)) for values in self._values]
        if read.type == "PREDICTIONS" and read.name == "CLASSES":
            found = self._with_classes(found, f"{read.task}.CLASS_DISTRIBUTION", column)
        made = self._column(kind, [unknown if value is None else value for value in found], column)
        if getattr(read, "score", "") == "object_frequency" and isinstance(made, Numbers):
            known = np.array([value is not None for value in found], bool)
            scaled = np.zeros(len(known))
            scaled[known] = scale_object_frequency(made.values[known])
            return Numbers(scaled)
        return made

    def place(self, what: str) -> Column:
        """See `Material`."""
        found = [values.get(what) for values in self._values]
        if what == SOURCE:
            return labels_of([own or source for own, source in zip(found, self._sources, strict=True)])
        if None in found:
            name = self.names[found.index(None)]
            raise UsageError(
                f"{self._pool.path}: does not know the {what.lower()} of {name}, and a constraint reads it: leave the"
                " constraint out, or choose without the pool"
            )
        return self._column("numbers" if what == TIME else "labels", found, what)

    def _with_classes(self, found: list[Any], key: str, column: str) -> list[Any]:
        """Classes of picks as found, else as their probabilities or counts by class tell them."""
        amounts = self._column("counts", [values.get(key) for values in self._values], column)
        assert isinstance(amounts, Counts)
        classes = one_class_each(amounts)
        told = [dict(zip(classes.classes, row, strict=True)) for row in classes.values.tolist()]
        return [held if own is None else own for own, held in zip(found, told, strict=True)]

    def _column(self, kind: str, values: list[Any], column: str) -> Column:
        try:
            return to_column(kind, values, self.names, column)
        except UsageError as error:
            raise UsageError(f"{self._pool.path}: {error}") from error


def check_pool(pool: Pool, rows: Batch, model: str | None = None) -> None:
    """Raises StateError where a pool remembers other vectors than those of the rows; see `check_model`."""
    check_model(pool, rows[VECTORS].rows.shape[1] if VECTORS in rows.columns else 0, model)


def check_model(pool: Pool, dim: int, model: str | None = None) -> None:
    """Raises StateError where a pool remembers other vectors than those of `dim` numbers that a model makes.

    model: None where that is not known; a pool of a table does not know it either.
    """
    if pool.history and pool.dim != dim:
        held, these = (f"vectors of {of} numbers" if of else "no vectors" for of in (pool.dim, dim))
        raise StateError(f"{pool.path}: holds {held}, the rows have {these}; use another pool")
    if model and pool.model not in (None, model, model_of_table(dim)):
        raise StateError(
            f"{pool.path}: holds vectors of model {pool.model}, these are of {model}; use the same model or another"
            " pool"
        )


def model_of_table(dim: int) -> str:
    """What a pool calls the model of vectors that came in a table, which does not say."""
    return f"table of {dim} numbers"
