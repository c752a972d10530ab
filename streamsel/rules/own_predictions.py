"""What a task's predictions say of one object alone, where the objects of that task are what is selected.

SCORES and PREDICTIONS of the task are then made of the object's own prediction, as of a frame with nothing else in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamsel.config import SelectionConfig
from streamsel.data import Box, Frame, Value
from streamsel.rules.places import wanted_columns
from streamsel.rules.readings import Reading, prediction_reading
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.prediction_files import PredictionFiles
from streamsel.signals.predictions import Prediction

__all__ = ["OwnPredictions", "reads_predictions"]


def reads_predictions(read: Any, task: str | None) -> bool:
    """Whether an input, or what a quota counts per, is made of a task's predictions; None: of no task."""
    return task is not None and getattr(read, "type", "") in ("SCORES", "PREDICTIONS") and read.task == task


class OwnPredictions:
    """Reads columns of single objects.

    task: whose objects they are. folder: None where an auto task makes them, which predicts nothing: then there is no
    such column. Raises UsageError, SourceError for what the task lacks.
    """

    def __init__(self, config: SelectionConfig, task: str, folder: LightlyFolder | None) -> None:
        self._readings: Sequence[Reading] = ()
        if folder is not None and task not in {one.name for one in config.auto_tasks}:
            alone = _Alone(folder.predictions(task))
            self._readings = [
                prediction_reading(column, kind, read, alone, place)
                for place, column, kind, read in wanted_columns(config)
                if reads_predictions(read, task)
            ]

    def of(self, frame: Frame, name: str, box: Box) -> dict[str, Value]:
        """Column -> what is known of this object of a frame of that name."""
        called = [[f"{name}#{box.index}"]]
        return {one.column: one.of([[frame]], called)[0] for one in self._readings}


class _Alone:
    """The prediction of an object, by the name of its frame and its place among the frame's: `a.jpg#3`."""

    def __init__(self, files: PredictionFiles) -> None:
        self.schema, self._files = files.schema, files

    def of(self, name: str) -> tuple[Prediction, ...] | None:
        frame, _, place = name.rpartition("#")
        return (self._files.of(frame) or ())[int(place) : int(place) + 1]

    def place(self, name: str, index: int) -> str:
        frame, _, place = name.rpartition("#")
        return self._files.place(frame, int(place))
