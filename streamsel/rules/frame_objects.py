"""Objects of frames: which boxes a task found there, and what the model makes of what is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.config.auto_tasks import AutoTask, Tiling
from streamsel.data import Box, Frame, Mark, Pixels, Vector
from streamsel.embed import Embedder, Window
from streamsel.embed.objects import embed_objects
from streamsel.errors import UsageError
from streamsel.rules.kept_objects import KeptObjects
from streamsel.rules.places import told_at, wanted_columns
from streamsel.selection.columns import Objects
from streamsel.signals.crops import crops_at
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.predictions import boxes_of
from streamsel.signals.tiling import CropTask, TilingTask

__all__ = ["Boxes", "FrameObjects", "boxes_of_task", "objects_column"]

Boxes = Callable[[Frame, str], Sequence[Box]]
"""The boxes of a frame that has this name."""


class FrameObjects:
    """Cuts and embeds the objects of the tasks that a config reads. False where it reads none.

    called: the name of a frame. padding: of boxes, 0 or more. refused: why boxes could not be cut, and how often.
    kept: objects of what a budget has picked.
    Raises UsageError, SourceError for tasks that are not there.
    """

    def __init__(
        self,
        config: SelectionConfig,
        folder: LightlyFolder | None,
        embedder: Embedder,
        called: Callable[[Mark], str],
        padding: float = 0.0,
    ) -> None:
        self._boxes: dict[str, Boxes] = {}
        for place, _, kind, read in wanted_columns(config):
            if kind == "objects":
                with told_at(f"{place}.task"):
                    what = f"EMBEDDINGS of task {read.task!r}"
                    self._boxes[read.task] = boxes_of_task(read.task, config.auto_tasks, folder, what)
        self._embedder, self._called, self._padding = embedder, called, padding
        self.refused: Counter[str] = Counter()
        self.kept = KeptObjects(self.tasks, embedder.dim)

    def __bool__(self) -> bool:
        return bool(self._boxes)

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self._embedder.dim

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks whose objects are read."""
        return tuple(self._boxes)

    def vectors(
        self, windows: Iterable[Window], breathe: Callable[[], None] = lambda: None
    ) -> list[Mapping[str, Vector]]:
        """Task -> (m, D) vectors of a window's objects, for each window; its frames one after the other.

        breathe: called after each batch of the embedder.
        """
        kept: list[int] = []

        def crops() -> Iterable[Sequence[Pixels]]:
            for window in windows:
                kept.append(len(kept))
                for boxes in self._boxes.values():
                    yield [crop for frame in window for crop in self._cut(frame, boxes)]

        found = list(embed_objects(self._embedder, crops(), breathe))
        tasks = self.tasks
        return [dict(zip(tasks, found[row * len(tasks) :], strict=False)) for row in kept]

    def _cut(self, frame: Frame, boxes: Boxes) -> list[Pixels]:
        found = boxes(frame, self._called(frame.mark))
        cut = crops_at(frame.picture, found, self._embedder.size, self._padding, self.refused)
        return [crop for crop in cut if crop is not None]


def objects_column(task: str, found: Sequence[Mapping[str, Vector]], dim: int) -> Objects:
    """The objects of rows as a column; a row that lacks the task has none."""
    parts = [vectors.get(task, np.empty((0, dim), np.float32)) for vectors in found]
    rows = np.concatenate([np.empty((0, dim), np.float32), *parts])
    return Objects(rows, np.cumsum([len(part) for part in parts], dtype=np.int64))


def boxes_of_task(task: str, auto: Sequence[AutoTask], folder: LightlyFolder | None, what: str) -> Boxes:
    """Where a task's boxes come from: an auto task, else files. what: needs them, in messages.

    Raises UsageError, SourceError for a task that is not there, or has no boxes.
    """
    named = {one.name: one for one in auto}
    if task in named:
        if folder is not None and (folder.path / "predictions" / task).is_dir():
            raise UsageError(
                f"{what}: is one of auto_tasks, and there are predictions of it: rename that of auto_tasks"
            )
        made = _auto(named[task])
        return lambda frame, name: made.boxes(frame.picture.width, frame.picture.height)
    if folder is None:
        raise UsageError(f"{what}: no .lightly folder was found; name it with --lightly, or a pipeline's `lightly`")
    predictions = folder.predictions(task)
    boxes_of(predictions.schema, ())  # a task without boxes is told before anything is done
    return lambda frame, name: predictions.boxes(name)


def _auto(task: AutoTask) -> TilingTask | CropTask:
    if isinstance(task, Tiling):
        return TilingTask(task.name, task.num_rows, task.num_cols, task.overlap)
    return CropTask(task.name, task.bboxs)
