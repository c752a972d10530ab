"""Rows that were looked at, as material: what was measured and read of their frames when they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamsel.data import Mark, Value, Vector
from streamsel.errors import UsageError
from streamsel.rules.days import HOW_TO_TELL
from streamsel.rules.material import DAY, SOURCE, TIME
from streamsel.rules.values import to_column
from streamsel.selection.columns import Column, Numbers, Objects
from streamsel.signals.scores import scale_object_frequency

__all__ = ["FrameRows"]


@dataclass(frozen=True, slots=True)
class FrameRows:
    """A `Material`. signals: column name -> value, of each row; TIME where a live source goes by a clock of its own,
    and DAY where days are known.
    marks: the first of each row's frames.

    classes: column -> the classes that its counts have even where no row does. ends: column -> the smallest and the
    largest of all that was looked at.
    """

    names: Sequence[str]
    marks: Sequence[Mark] = field(repr=False)
    signals: Sequence[Mapping[str, Value]] = field(repr=False)
    rows: Vector | None = field(default=None, repr=False)
    crops: Mapping[str, Objects] = field(default_factory=dict, repr=False)
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    ends: Callable[[str], tuple[float | None, float | None]] = field(default=lambda column: (None, None), repr=False)

    def vectors(self) -> Vector | None:
        """See `Material`."""
        return self.rows

    def objects(self, task: str) -> Objects:
        """See `Material`."""
        return self.crops[task]

    def value(self, column: str, kind: str, read: Any) -> Column:
        """See `Material`."""
        values = [signals.get(column) for signals in self.signals]
        made = to_column(kind, values, self.names, column, self.classes.get(column, ()))
        if getattr(read, "score", "") == "object_frequency" and isinstance(made, Numbers):
            low, high = self.ends(column)
            return Numbers(scale_object_frequency(made.values, low, high))
        return made

    def place(self, what: str) -> Column:
        """See `Material`."""
        if what == SOURCE:
            return to_column("labels", [mark.source for mark in self.marks], self.names, what)
        if what == TIME:
            times = zip(self.signals, self.marks, strict=True)
            return to_column("numbers", [known.get(TIME, mark.time) for known, mark in times], self.names, what)
        days = [signals.get(DAY) for signals in self.signals]
        if None in days:
            raise UsageError(
                f"{self.names[days.index(None)]}: its day is not known, and a quota counts per DAY: {HOW_TO_TELL}"
            )
        return to_column("labels", days, self.names, what)
