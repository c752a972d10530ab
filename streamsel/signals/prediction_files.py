"""The predictions of one task, frame by frame, as they lie in its folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Protocol

from streamsel.data import Box
from streamsel.signals.frame_files import FrameFiles
from streamsel.signals.predictions import Prediction, boxes_of, predictions_from_json
from streamsel.signals.schema import TaskSchema
from streamsel.signals.side_folder import SideFolder

__all__ = ["PredictionFiles", "PredictionSource"]


class PredictionSource(Protocol):
    """What one task says of things that have names; see `PredictionFiles`, which knows frames."""

    @property
    def schema(self) -> TaskSchema:
        """Of the task."""
        ...

    def of(self, name: str) -> tuple[Prediction, ...] | None:
        """The predictions of a thing; None: nothing is known."""
        ...

    def place(self, name: str, index: int) -> str:
        """One of them, as errors name it."""
        ...


class PredictionFiles:
    """What one task says of frames, by their names. Files are read when asked for, each once for all who ask.

    folder: `.lightly/predictions/TASK`. prefix: what the names of frames lack to be relative to the input's root.
    """

    def __init__(self, schema: TaskSchema, folder: Path, prefix: str = "") -> None:
        self.schema = schema
        self._files = FrameFiles(SideFolder(folder), partial(predictions_from_json, schema), prefix)

    def of(self, name: str) -> tuple[Prediction, ...] | None:
        """The predictions of a frame; empty: nothing was detected; None: no file, so nothing is known.

        Raises SourceError with the file and the place in it.
        """
        return self._files.of(name)

    def boxes(self, name: str) -> list[Box]:
        """The objects of a frame, none where nothing is known. Raises UsageError for a task without boxes."""
        return boxes_of(self.schema, self.of(name) or ())

    def place(self, name: str, index: int) -> str:
        """A prediction of a frame, as errors name it: its file, and the place in it."""
        return f"{self._files.place(name)}: predictions[{index}]"
