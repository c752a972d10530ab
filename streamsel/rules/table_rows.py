"""Rows of a user's table, as material: its own columns, and the `.lightly` folder that goes with their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.rules.keys import key_of
from streamsel.rules.readings import Reading, reading_of
from streamsel.rules.values import labels_of, to_column
from streamsel.selection.columns import Column, Counts, Numbers, Objects
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.tables import Table

__all__ = ["TableRows"]

SOURCES: Final = ("source", "video", "camera", "file")
TIMES: Final = ("time", "timestamp")
DAYS: Final = ("day", "date", "time", "timestamp")


@dataclass(frozen=True, slots=True)
class TableRows:
    """A `Material`: a table, and what a `.lightly` folder knows of the same names.

    A column of the table goes before the folder. expression: `lightly_path_regex`, whose groups are read off names.
    """

    table: Table = field(repr=False)
    folder: LightlyFolder | None = None
    expression: str | None = None

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
            raise UsageError(f"the table has no embeddings of the objects of task {task!r} (it has: {known})")
        return Objects(found.rows, found.ends)

    def value(self, column: str, kind: str, read: Any) -> Column:
        """See `Material`."""
        key = key_of(read)
        if key in self.table.classes and kind == "counts":
            return Counts(*self.table.counts(key))
        if key not in self.table.columns and (self.folder is not None or self.expression):
            return self._beside(reading_of(column, kind, read, self.folder, self.expression))
        if kind == "numbers":
            return Numbers(self.table.numbers(key))
        return to_column(kind, self.table.labels(key).tolist(), self.names, column)

    def _beside(self, reading: Reading) -> Column:
        return to_column(reading.kind, reading.of_names(self.names), self.names, reading.column, reading.classes)

    def place(self, what: str) -> Column:
        """See `Material`."""
        keys = {"SOURCE": SOURCES, "TIME": TIMES, "DAY": DAYS}[what]
        key = next((key for key in keys if key in self.table.columns), None)
        if key is None:
            raise UsageError(f"a constraint reads the {what.lower()} of rows: the table needs a column {keys[0]!r}")
        if what == "TIME":
            return Numbers(self.table.numbers(key))
        labels = self.table.labels(key)
        unknown = [row for row, label in enumerate(labels) if label is None]
        if unknown:
            raise UsageError(f"{self.table.row(unknown[0])}: its {key} is not known, and a constraint reads it")
        return labels_of([str(label)[:10] for label in labels] if what == "DAY" else labels.tolist())
