"""The `.lightly` folder with all side files of a data set, as it lies on users' disks.

It lies beside the input or above it, or is named by the user. Names in it are relative to the input's root: the
folder in which `.lightly` was found, or, where it was named, the input folder itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from streamsel.errors import UsageError
from streamsel.signals.metadata import MetadataFiles
from streamsel.signals.metadata_schema import entries_from_json
from streamsel.signals.mismatch import MismatchError, items
from streamsel.signals.nearest import unknown
from streamsel.signals.prediction_files import PredictionFiles
from streamsel.signals.relevant import LARGEST_LIST, RelevantFiles
from streamsel.signals.schema import TaskSchema, schema_from_json
from streamsel.signals.side_folder import SideFolder, refused, shown

__all__ = ["LightlyFolder"]

NAME = ".lightly"
TASKS = "predictions/tasks.json"
METADATA = "metadata/schema.json"
PARTS = ("predictions", "metadata", "embeddings")
PRETAGGED = "lightly_pretagging"
PRETAGGER = "the product's own detector is not here: give predictions of another one as this task"
_TASK = re.compile(r"[a-zA-Z0-9_+=,.@:/-]+")

T = TypeVar("T")


class LightlyFolder:
    """A `.lightly` folder. Nothing is read before it is asked for, and no schema twice.

    path: the folder itself. prefix: what the names of frames lack to be relative to the input's root, empty or `sub/`.
    """

    def __init__(self, path: Path, prefix: str = "") -> None:
        self.path, self.prefix = path, prefix
        self._folder = SideFolder(path)
        self._opened: dict[str, PredictionFiles] = {}
        self._carried: dict[str, Any] = {}

    @classmethod
    def find(cls, root: Path) -> LightlyFolder | None:
        """The nearest one in the folder to which names of frames are relative, or in one above it; None: none.

        Above it only one counts that holds predictions, metadata or embeddings.
        """
        inner = Path(os.path.abspath(root))  # noqa: PTH100  # takes `..` out of the path, and leaves links as they are
        for outer in (inner, *inner.parents):
            if _is_folder(outer / NAME) and (outer == inner or any(_is_folder(outer / NAME / part) for part in PARTS)):
                below = inner.relative_to(outer).as_posix()
                return cls(outer / NAME, "" if below == "." else f"{below}/")
        return None

    @classmethod
    def named(cls, path: Path) -> LightlyFolder:
        """The one that a user names, or the one in the folder that is named. Raises UsageError when there is none."""
        for place in (path, path / NAME):
            if place.name == NAME and _is_folder(place):
                return cls(place)
        raise UsageError(f"{shown(path)}: neither a {NAME} folder nor one that holds it; name it, or the folder above")

    @cached_property
    def tasks(self) -> dict[str, TaskSchema]:
        """The tasks that `tasks.json` lists, with their schemas; folders that it does not list are ignored.

        Raises SourceError when it, or the schema of a listed task, cannot be read; UsageError when it is not there.
        """
        listed = self._needed(TASKS, _task_names, "a list of task names")
        return {task: self._schema(task) for task in dict.fromkeys(listed)}

    def predictions(self, task: str) -> PredictionFiles:
        """The predictions of a task, the same object each time. Raises UsageError with the nearest task."""
        if task not in self.tasks:
            error = unknown("task", task, self.tasks, shown(self.path / TASKS))
            raise UsageError(f"{error}; {PRETAGGER}") if task == PRETAGGED else error
        if task not in self._opened:
            folder = self.path / "predictions" / task
            self._opened[task] = PredictionFiles(self.tasks[task], folder, self.prefix, self._carried)
        return self._opened[task]

    @property
    def tasks_read(self) -> Collection[str]:
        """The tasks whose predictions somebody asked for."""
        return frozenset(self._opened)

    @contextmanager
    def carrying(self, predictions: Mapping[str, list[Any]]) -> Iterator[None]:
        """While this lasts, a frame is read that brought predictions with it: they count before those of its files.

        predictions: task -> list of predictions as a file has it; what the schema of a task does not allow is told, as
        SourceError, where it is read. Tasks that nobody reads are passed over.
        """
        self._carried |= predictions
        try:
            yield
        finally:
            self._carried.clear()

    @cached_property
    def metadata(self) -> MetadataFiles:
        """The metadata. Raises SourceError when its schema cannot be read, UsageError when it is not there."""
        entries = self._needed(METADATA, entries_from_json, "a list of the metadata that there is")
        return MetadataFiles(entries, self.path / "metadata", self.prefix)

    def embeddings(self, name: str) -> Path:
        """The file of own embeddings of that name, below `.lightly/embeddings/`. Raises UsageError."""
        below = name.removeprefix(f"{NAME}/").removeprefix("embeddings/")
        path = self.path / "embeddings" / below
        if {"", ".", ".."} & {*below.split("/")}:
            raise UsageError(f"worker_config.embeddings {name!r} must be the name of a file in {NAME}/embeddings/")
        if not path.exists():
            raise UsageError(f"{shown(path)}: no such file; put it there, or leave worker_config.embeddings out")
        return path

    def relevant(self, name: str) -> RelevantFiles:
        """The list of relevant files of that name, which begins with `.lightly/`. Raises UsageError, SourceError."""
        below = name.removeprefix(f"{NAME}/")
        if below == name:
            raise UsageError(f"relevant_filenames_file {name!r} must begin with {NAME}/: put the file there")
        data = self._folder.read(below, LARGEST_LIST)
        if data is None:
            raise UsageError(
                f"{shown(self.path / below)}: no such file; write it, or leave relevant_filenames_file out"
            )
        return RelevantFiles.parse(data, shown(self.path / below), self.prefix)

    def _schema(self, task: str) -> TaskSchema:
        name = f"predictions/{task}/schema.json"
        schema = self._checked(name, lambda content: schema_from_json(task, content))
        if schema is None:
            raise refused(self.path / name, f"missing, though {TASKS} lists the task; write it, or take the task out")
        return schema

    def _needed(self, name: str, check: Callable[[Any], T], what: str) -> T:
        found = self._checked(name, check)
        if found is None:
            raise UsageError(f"{shown(self.path / name)}: no such file; it must hold {what}")
        return found

    def _checked(self, name: str, check: Callable[[Any], T]) -> T | None:
        read = self._folder.json(name)
        try:
            return None if read is None else check(read[0])
        except MismatchError as mismatch:
            raise self._folder.wrong(name, mismatch) from None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # above what the user may look into
        return False


def _task_names(content: Any) -> list[str]:
    listed = items(content, "")
    for index, name in enumerate(listed):
        steps = name.split("/") if isinstance(name, str) else [""]
        if not all(_TASK.fullmatch(step) and step not in (".", "..") for step in steps):
            raise MismatchError(f"[{index}]", "the name of a folder: letters, digits and _+=,.@:/-", name)
    return listed
