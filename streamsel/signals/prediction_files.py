"""The predictions of one task, frame by frame, as they lie in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

from streamsel.data import Box
from streamsel.errors import SourceError
from streamsel.signals.frame_files import FrameFiles
from streamsel.signals.mismatch import MismatchError
from streamsel.signals.predictions import Prediction, boxes_of, predictions_from_json
from streamsel.signals.schema import TaskSchema
from streamsel.signals.side_folder import SideFolder

__all__ = ["PredictionFiles", "PredictionSource"]

NONE: Final[Mapping[str, Any]] = MappingProxyType({})
BROUGHT: Final = "header predictions"
"""What errors call predictions that came with their frame."""


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
    carried: task -> predictions as a file has them, that the frame at hand brought with it, before its file.
    """

    def __init__(self, schema: TaskSchema, folder: Path, prefix: str = "", carried: Mapping[str, Any] = NONE) -> None:
        self.schema, self._carried = schema, carried
        self._files = FrameFiles(SideFolder(folder), partial(predictions_from_json, schema), prefix)

    def of(self, name: str) -> tuple[Prediction, ...] | None:
        """The predictions of a frame; empty: nothing was detected; None: no file, so nothing is known.

        Raises SourceError with the file and the place in it; of what was brought it quotes nothing.
        """
        return self._brought() if self.schema.task in self._carried else self._files.of(name)

    def _brought(self) -> tuple[Prediction, ...]:
        try:
            return predictions_from_json(self.schema, {"predictions": self._carried[self.schema.task]})
        except MismatchError as mismatch:  # it is told of in a topic, to others than those who may read the record
            raise SourceError(f"{BROUGHT}, task {self.schema.task!r}: {mismatch.wanted}") from None

    def boxes(self, name: str) -> list[Box]:
        """The objects of a frame, none where nothing is known. Raises UsageError for a task without boxes."""
        return boxes_of(self.schema, self.of(name) or ())

    def place(self, name: str, index: int) -> str:
        """A prediction of a frame, as errors name it: its file, and the place in it."""
        brought = self.schema.task in self._carried
        where = f"{BROUGHT}, task {self.schema.task!r}" if brought else self._files.place(name)
        return f"{where}: predictions[{index}]"
