"""Rows of a pool, as material: what earlier runs picked counts as picked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.pool.datapool import Pool
from streamsel.rules.keys import key_of
from streamsel.rules.material import SOURCE
from streamsel.rules.values import labels_of, to_column
from streamsel.selection.columns import Column, Objects

__all__ = ["PoolRows"]


class PoolRows:
    """A `Material`. What a pool does not know of a pick counts nothing: a number is 0, there are no objects."""

    def __init__(self, pool: Pool, *, vectors: bool) -> None:
        entries = list(pool.rows())
        self.names = [entry.name for entry in entries]
        self._values: list[Mapping[str, Any]] = [entry.values for entry in entries]
        self._sources = [entry.source for entry in entries]
        self._dim = pool.dim or 0
        self._vectors = pool.vectors if vectors else None

    def vectors(self) -> Vector | None:
        """See `Material`."""
        return self._vectors

    def objects(self, task: str) -> Objects:
        """See `Material`."""
        return Objects(np.empty((0, self._dim), np.float32), np.zeros(len(self.names), np.int64))

    def value(self, column: str, kind: str, read: Any) -> Column:
        """See `Material`."""
        unknown = 0.0 if kind == "numbers" else None
        found = [values.get(key_of(read)) for values in self._values]
        return to_column(kind, [unknown if value is None else value for value in found], self.names, column)

    def place(self, what: str) -> Column:
        """See `Material`."""
        if what == SOURCE:
            return labels_of(self._sources)
        raise UsageError(f"a pool does not know the {what.lower()} of its picks, and a constraint reads it")
