"""Readings: where the values of each column come from, when rows are frames or have names that files go by."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.config.constraints import PerDay, Quota
from streamsel.config.inputs import MEASURED
from streamsel.data import Frame, Mark, Pixels, Value
from streamsel.errors import UsageError
from streamsel.rules.carried import CarriedMetadata
from streamsel.rules.days import DaySignal
from streamsel.rules.material import DAY
from streamsel.rules.places import told_at, wanted_columns
from streamsel.rules.values import class_of
from streamsel.signals import Signal
from streamsel.signals.combine import combine
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.measured import Measured
from streamsel.signals.metadata import MetadataSignal
from streamsel.signals.metadata_schema import MetadataKind
from streamsel.signals.path_regex import PathSignal
from streamsel.signals.prediction_files import PredictionSource
from streamsel.signals.prediction_signals import CategoryCount, ClassCount, ClassDistribution, ScoreSignal

__all__ = ["NoPicture", "Reading", "prediction_reading", "reading_of", "readings_of"]

_OF_A_VIDEO: Final = re.compile(r"(?s:(.+))-([0-9]+)-([A-Za-z0-9]+)(?:\.(?:png|jpg))?")
ONE: Final = {"numbers": "number", "counts": "counts", "labels": "label"}


@dataclass(frozen=True, slots=True)
class Reading:
    """A column and the signal that its values come from. kind: of the column. counted: numbers that add up."""

    column: str
    kind: str
    signal: Signal = field(repr=False)
    counted: bool = False

    @property
    def classes(self) -> Sequence[str]:
        """Those that counts have even where no row does: all of the task's schema."""
        return getattr(self.signal, "classes", ())

    def of(self, windows: Sequence[Sequence[Frame]], names: Sequence[Sequence[str]]) -> list[Value]:
        """A value per window of frames: the mean of numbers, the sum of counts, the most frequent of labels."""
        frames = [frame for window in windows for frame in window]
        values = iter(self.signal.of(frames, [name for window in names for name in window]))
        return [self.combined([next(values) for _ in window]) for window in windows]

    def of_names(self, names: Sequence[str]) -> list[Value]:
        """The same for things of which only the names are known."""
        return self.of([(_nameless(name),) for name in names], [(name,) for name in names])

    def combined(self, values: list[Value]) -> Value:
        """The value of a window, from those of its frames, or of what each of them gives as a window of its own."""
        if self.kind == "counts":
            values = [
                value if isinstance(value, Mapping) or value is None else {class_of(value): 1.0} for value in values
            ]
        if len(values) == 1:
            return values[0]
        return combine(values, "counts" if self.counted else ONE[self.kind])  # type: ignore[arg-type]


def readings_of(
    config: SelectionConfig,
    folder: LightlyFolder | None,
    *,
    own: Collection[str] = (),
    carried: bool = False,
    days: DaySignal | None = None,
) -> list[Reading]:
    """One for each column of values that the config reads. Raises UsageError, SourceError for what is not there.

    own: columns that are read of objects themselves, so not here. carried: frames bring metadata of their own, see
    `CarriedMetadata`; then none of it is missing beforehand. days: of frames; None: they are not known.
    """
    dated = _dated(config, days)
    wanted = [one for one in wanted_columns(config) if one.column not in own]
    measured = Measured([one.read.key for one in wanted if _measured(one.read)])
    return dated + [
        Reading(column, kind, CarriedMetadata(read.key, _one_of(kind), folder))
        if carried and read.type == "METADATA" and not _measured(read) and read.key not in config.path_keys
        else reading_of(column, kind, read, folder, config.lightly_path_regex, measured, place)
        for place, column, kind, read in wanted
        if kind in ONE and read.type in ("METADATA", "SCORES", "PREDICTIONS")
    ]


def _dated(config: SelectionConfig, days: DaySignal | None) -> list[Reading]:
    """The reading of days, where a quota counts per day."""
    places = [at for at, one in enumerate(config.constraints) if isinstance(one, Quota) and isinstance(one.per, PerDay)]
    for place in places:
        with told_at(f"constraints[{place}].per"):
            if days is None:
                raise UsageError(
                    "the day of frames is not known; count per a METADATA key that holds it, or that lightly_path_regex"
                    " reads off their names"
                )
            days.refuse_undated()
    return [Reading(DAY, "labels", days)] if places and days is not None else []


def reading_of(
    column: str,
    kind: str,
    read: Any,
    folder: LightlyFolder | None,
    expression: str | None = None,
    measured: Measured | None = None,
    place: str = "input",
) -> Reading:
    """The reading of one column. measured: shared by all that is measured.

    place: of what reads it, in the config; empty where `told_at` puts it before.
    """
    if _measured(read):
        if measured is None:
            raise UsageError(f"{read.key} is measured on pictures, and there are none: add a column of that name")
        signal: Signal = next(one for one in measured.signals() if one.key == read.key)
        return Reading(column, kind, signal)
    one = _one_of(kind)
    if read.type == "METADATA" and expression and f"(?P<{read.key}>" in expression:
        return Reading(column, kind, PathSignal(expression, read.key, one))
    if folder is None:
        lacking = "no .lightly folder was found; name it with --lightly, or a pipeline's `lightly`"
        raise UsageError(f"{place}: {column}: {lacking}" if place else f"{column}: {lacking}")
    if read.type == "METADATA":
        with told_at(f"{place}.key"):
            return Reading(column, kind, MetadataSignal(folder.metadata, read.key, one))
    with told_at(f"{place}.task"):
        task = folder.predictions(read.task)
    return prediction_reading(column, kind, read, task, place)


def prediction_reading(column: str, kind: str, read: Any, task: PredictionSource, place: str) -> Reading:
    """The reading of a column of SCORES or PREDICTIONS. place: see `reading_of`. Raises UsageError."""
    if read.type == "SCORES":
        with told_at(f"{place}.score"):
            return Reading(column, kind, ScoreSignal(task, read.score))
    if read.name == "CATEGORY_COUNT":
        with told_at(f"{place}.categories"):
            return Reading(column, kind, CategoryCount(task, read.categories), counted=True)
    return Reading(column, kind, ClassDistribution(task) if read.name == "CLASS_DISTRIBUTION" else ClassCount(task))


def _one_of(kind: str) -> MetadataKind:
    """What metadata must be where it becomes a column of that kind."""
    return "number" if kind == "numbers" else "label"


def _measured(read: Any) -> bool:
    return read.type == "METADATA" and read.key in MEASURED


class NoPicture:
    """In place of a picture that is not there: signals that are read from files never look at it."""

    width = height = 0

    def i420(self) -> Pixels:
        """Black."""
        return np.zeros((96, 64), np.uint8)

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """Black."""
        return np.zeros((height or 1, width or 1, 3), np.uint8)


def _nameless(name: str) -> Frame:
    """A frame of which only the name is known: of a video where it reads like that, else a still."""
    match = _OF_A_VIDEO.fullmatch(name)
    if match:
        return Frame(Mark(f"{match[1]}.{match[3]}", int(match[2]), 0, Fraction(1)), NoPicture())
    path = PurePosixPath(name)
    return Frame(Mark(str(path.parent), 0, 0, Fraction(1), 0, path.name), NoPicture())
