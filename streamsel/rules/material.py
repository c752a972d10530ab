"""Material: all that is known of a table of rows, and the batch of columns that a selection config reads of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

from streamsel.config import SelectionConfig
from streamsel.config.constraints import MinDistance, MinGap
from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.rules.places import Wanted, wanted_columns
from streamsel.rules.values import labels_of
from streamsel.selection.columns import Batch, Column, Objects, Vectors
from streamsel.selection.random_numbers import random_numbers

__all__ = ["DAY", "NAME", "SOURCE", "STANDS_FOR", "TIME", "VECTORS", "Material", "batch_of"]

NAME: Final = "NAME"
SOURCE: Final = "SOURCE"
TIME: Final = "TIME"
DAY: Final = "DAY"
VECTORS: Final = "EMBEDDINGS"
STANDS_FOR: Final = "STANDS FOR"
"""Numbers: how many rows that were looked at each candidate stands for, where TYPICALITY counts them."""

PLACES: Final = {SOURCE: "labels", TIME: "numbers", DAY: "labels"}


class Material(Protocol):
    """Rows as they come from a table of the user's, or from frames that were looked at.

    Each method raises UsageError naming what is missing, and the first row that lacks it.
    """

    @property
    def names(self) -> Sequence[str]:
        """One for each row, all different."""
        ...

    def vectors(self) -> Vector | None:
        """(N, D) float32, or None when the rows have none."""
        ...

    def objects(self, task: str) -> Objects:
        """The embeddings of each row's objects."""
        ...

    def value(self, column: str, kind: str, read: Any) -> Column:
        """numbers, labels or counts. read: the input of the config that asks for them."""
        ...

    def place(self, what: str) -> Column:
        """SOURCE or DAY as labels, TIME in seconds as numbers."""
        ...


def batch_of(
    config: SelectionConfig, material: Material, told: Callable[[str], AbstractContextManager[Any]] = nullcontext
) -> Batch:
    """The columns that the config reads, the vectors where there are any, and the rows' names.

    told: sees to errors about what is asked for at a place in the config.
    """
    columns: dict[str, Column] = {NAME: labels_of(material.names)}
    vectors = material.vectors()
    if vectors is not None:
        columns[VECTORS] = Vectors(vectors)
    for place, column, kind, read in (*wanted_columns(config), *_constrained(config)):
        if column not in columns:
            with told(place):
                columns[column] = _column(config, material, column, kind, read)
    return Batch(columns, len(material.names))


def _column(config: SelectionConfig, material: Material, column: str, kind: str, read: Any) -> Column:
    if kind == "vectors":
        raise UsageError("the selection reads EMBEDDINGS, and the rows have none: give some, or leave that out")
    if column in PLACES:
        return material.place(column)
    if kind == "objects":
        return material.objects(read.task)
    if read.type == "RANDOM":
        seed = config.random_seed if read.random_seed is None else read.random_seed
        return random_numbers(material.names, seed)
    return material.value(column, kind, read)


def _constrained(config: SelectionConfig) -> Iterator[Wanted]:
    """What other constraints than quotas read."""
    for place, one in enumerate(config.constraints):
        if isinstance(one, MinDistance):
            yield Wanted(f"constraints[{place}]", VECTORS, "vectors", None)
        if isinstance(one, MinGap):
            yield from (Wanted(f"constraints[{place}]", column, PLACES[column], None) for column in (SOURCE, TIME))
