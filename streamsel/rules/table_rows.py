"""Rows of a user's table, as material: its own columns, and the `.lightly` folder that goes with their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.rules.days import DAYS, day_of
from streamsel.rules.keys import key_of
from streamsel.rules.places import told_at, wanted_columns
from streamsel.rules.readings import Reading, reading_of
from streamsel.rules.values import labels_of, one_class_each, to_column
from streamsel.selection.columns import Column, Counts, Numbers, Objects
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.scores import scale_object_frequency
from streamsel.tables import Table

__all__ = ["TableRows"]

SOURCES: Final = ("source", "video", "camera", "file")
TIMES: Final = ("time", "timestamp")
NAMED: Final = {"METADATA": "key", "SCORES": "score", "PREDICTIONS": "task"}
"""Which field of an input names the column that is read."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """A `Material`: a table, and what a `.lightly` folder knows of the same names.

    A column of the table goes before the folder. expression: `lightly_path_regex`, whose groups are read off names.
    called: the table, in messages.
    """

    table: Table = field(repr=False)
    folder: LightlyFolder | None = None
    expression: str | None = None
    called: str = "the table"

    @property
    def names(self) -> Sequence[str]:
        """See `Material`."""
        return self.table.names

    def vectors(self) -> Vector | None:
        """See `Material`."""
        return self.table.vectors

    def objects(self, task: str) -> Objects:
        """See `Material`."""
        found = self.table.objects.get(task)
        if found is None:
            known = ", ".join(self.table.objects) or "none"
            raise UsageError(
                f".task: {self.called}: has no embeddings of the objects of task {task!r} (it has: {known})"
            )
        return Objects(found.rows, found.ends)

    def value(self, column: str, kind: str, read: Any) -> Column:
        """See `Material`."""
        key = key_of(read)
        if read.type == "PREDICTIONS" and read.name == "CLASSES" and (made := self._classes(read.task)) is not None:
            return made
        if key not in self.table.columns and key not in self.table.classes and self._beside(key):
            return self._read(reading_of(column, kind, read, self.folder, self.expression, place=""), read)
        with told_at(f".{NAMED[read.type]}"), self._told():
            if kind == "numbers":
                return self._numbers(key, counted=read.type == "PREDICTIONS")
            if (counts := self._counts(key)) is not None:
                return counts if kind == "counts" else self._one_class(counts, column)
            return to_column(kind, self._categories(key), self._rows, column)

    def _numbers(self, key: str, *, counted: bool) -> Numbers:
        values = self.table.numbers(key)
        if counted and (values < 0).any():
            row = int(np.argmax(values < 0))
            raise UsageError(f"{self.table.row(row)}: {key} {values[row]:g} is no count, which are 0 or more")
        return Numbers(values)

    def _categories(self, key: str) -> list[Any]:
        """Labels of a column. Raises UsageError where they are numbers that are not whole."""
        labels: list[Any] = self.table.labels(key).tolist()
        row = next((row for row, label in enumerate(labels) if isinstance(label, float) and label % 1), None)
        if row is not None:
            raise UsageError(
                f"{self.table.row(row)}: {key} {labels[row]!r} is no category: the number is not whole;"
                " use WEIGHTS, THRESHOLD, or a column of text"
            )
        return labels

    def schema_classes(self, config: SelectionConfig) -> dict[str, Sequence[str]]:
        """Column -> the classes of a task's schema, for each that is read of the folder."""
        if self.folder is None:
            return {}
        read = [one for one in wanted_columns(config) if getattr(one.read, "type", "") == "PREDICTIONS"]
        beside = [one for one in read if not self._holds(one.read)]
        return {one.column: self.folder.predictions(one.read.task).schema.names for one in beside}

    def _holds(self, read: Any) -> bool:
        """Whether predictions are read of the table itself."""
        if read.name == "CLASSES":
            return self._classes(read.task) is not None
        return key_of(read) in self.table.columns or key_of(read) in self.table.classes

    def place(self, what: str) -> Column:
        """See `Material`."""
        keys = {"SOURCE": SOURCES, "TIME": TIMES, "DAY": DAYS}[what]
        known = [key for key in keys if key in self.table.columns]
        if not known:
            raise UsageError(f"{self.called}: a constraint reads the {what.lower()} of rows: add a column {keys[0]!r}")
        with self._told():
            if what == "TIME":
                return Numbers(self.table.numbers(known[0]))
            return labels_of(self._days(known) if what == "DAY" else self._known(known[0]))

    def _known(self, key: str) -> list[Any]:
        """The labels of a column. Raises UsageError where one is not known."""
        labels: list[Any] = self.table.labels(key).tolist()
        if None in labels:
            raise UsageError(f"{self.table.row(labels.index(None))}: its {key} is not known, and a constraint reads it")
        return labels

    def _days(self, keys: Sequence[str]) -> list[str | None]:
        """Of each row what the first of these columns tells that tells a day. Raises UsageError where none does."""
        told = [[day_of(key, label) for label in self.table.labels(key).tolist()] for key in keys]
        days = [next(filter(None, row), None) for row in zip(*told, strict=True)]
        if None in days:
            raise UsageError(
                f"{self.table.row(days.index(None))}: its {' or '.join(keys)} tells no day, and a constraint reads it;"
                " give it as 2024-05-17"
            )
        return days

    @property
    def _rows(self) -> Sequence[str]:
        return [self.table.row(place) for place in range(len(self.table))]

    def _beside(self, key: str) -> bool:
        """Whether a key that the table has not may be known from elsewhere."""
        groups = re.compile(self.expression).groupindex if self.expression else {}
        return self.folder is not None or key in groups

    def _read(self, reading: Reading, read: Any) -> Column:
        values = reading.of_names(self.names)
        made = to_column(reading.kind, values, self.names, reading.column, reading.classes)
        if getattr(read, "score", "") == "object_frequency" and isinstance(made, Numbers):
            return Numbers(scale_object_frequency(made.values))
        return made

    def _classes(self, task: str) -> Counts | None:
        """Classes that rows are in, by CLASSES or else by CLASS_DISTRIBUTION; None: neither is in the table."""
        with self._told():
            counted, amounts = (self._counts(f"{task}.{name}") for name in ("CLASSES", "CLASS_DISTRIBUTION"))
            return counted if counted is not None or amounts is None else one_class_each(amounts)

    def _counts(self, key: str) -> Counts | None:
        """Amounts by class: one nested column, or columns of numbers that are called KEY.CLASS; None: neither."""
        if key in self.table.classes:
            return Counts(*self.table.counts(key))
        inside = [name for name in self.table.columns if name.startswith(f"{key}.")]
        if key in self.table.columns or not inside:
            return None
        values = np.stack([self.table.numbers(name) for name in inside], axis=1)
        return Counts(values, tuple(name.removeprefix(f"{key}.") for name in inside))

    def _one_class(self, counts: Counts, column: str) -> Column:
        rows = [dict(zip(counts.classes, row, strict=True)) for row in counts.values.tolist()]
        return to_column("labels", rows, self._rows, column)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except UsageError as error:
            raise UsageError(f"{self.called}: {error}") from error
