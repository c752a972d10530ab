"""A selection config for frames as they come: where they enter, and the batches that selectors take of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.data import Box, Mark, Source, Value, Vector
from streamsel.embed import Embedder
from streamsel.rules.days import DaySignal
from streamsel.rules.entrance import Entrance
from streamsel.rules.filters import Filter, relevant_files
from streamsel.rules.frame_objects import FrameObjects, boxes_of_task, objects_column
from streamsel.rules.material import STANDS_FOR, batch_of
from streamsel.rules.object_rows import ObjectRows
from streamsel.rules.own_predictions import OwnPredictions, reads_predictions
from streamsel.rules.own_values import of_frames, own_columns
from streamsel.rules.own_vectors import OwnVectors
from streamsel.rules.places import told_at, wanted_columns
from streamsel.rules.pool_rows import PoolRows, check_model
from streamsel.rules.reached import curve, reached
from streamsel.rules.readings import readings_of
from streamsel.rules.shares import check_targets
from streamsel.rules.totals import Totals
from streamsel.rules.unseen import Unseen
from streamsel.rules.wanted_files import WantedFiles
from streamsel.rules.wanted_names import WantedNames
from streamsel.selection.columns import Batch, Numbers
from streamsel.signals.lightly_folder import LightlyFolder

if TYPE_CHECKING:
    from streamsel.pool.datapool import Pool

__all__ = ["FrameRules", "lightly_folder"]


class Known(Protocol):
    """A row, or a pick, with what was read and measured of its frames."""

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Its frames."""
        ...

    @property
    def signals(self) -> Mapping[str, Value]:
        """Column -> value."""
        ...

    @property
    def box(self) -> Box | None:
        """Which object of its frame it is."""
        ...


class FrameRules:
    """folder: users' files beside the input, if any. called: the name of a frame, by which they know it.

    remove_duplicates: see `Entrance`. task: whose objects are selected, None where frames are. padding: of objects.
    embeds: the objects that are selected have vectors, whether the config reads them or not. carried: frames bring
    metadata of their own in their `signals`, and have times on the wall. sources: where frames come from, if that tells
    their days. Raises UsageError, SourceError for what the config reads and is not there.
    """

    def __init__(
        self,
        config: SelectionConfig,
        folder: LightlyFolder | None,
        embedder: Embedder,
        called: Callable[[Mark], str],
        *,
        remove_duplicates: bool = False,
        task: str | None = None,
        padding: float = 0.0,
        embeds: bool = False,
        carried: bool = False,
        sources: Sequence[Source] | None = None,
    ) -> None:
        self._config, self._dim, self._folder = config, embedder.dim, folder
        self.object_rows: ObjectRows | None = None
        frames, unseen = config, Unseen(config)
        if task is not None:
            with told_at("worker_config.object_level.task_name" if carried else "--objects"):
                boxes = boxes_of_task(task, config.auto_tasks, folder, f"task {task!r}")
            model = embedder if embeds or config.reads_vectors else None
            alone = OwnPredictions(config, task, folder)
            self.object_rows = ObjectRows(config, task, boxes, called, model, padding, unseen, alone)
            frames = of_frames(config, task)
        files = relevant_files(config, folder)
        dated = carried or sources is not None
        days = DaySignal(config, folder, sources or (), files=files, wall=carried) if dated else None
        self.objects = FrameObjects(config, folder, embedder, called, padding)
        self.entrance = Entrance(
            frames,
            readings_of(config, folder, own=own_columns(config) if task else (), carried=carried, days=days),
            Filter(frames),
            called,
            WantedFiles(files),
            remove_duplicates=remove_duplicates,
            wanted=WantedNames(config, objects=task is not None),
            unseen=unseen,
            parts=[one.column for one in wanted_columns(config) if reads_predictions(one.read, task)],
            holds=embedder.holds if isinstance(embedder, OwnVectors) else None,
        )
        check_targets(config, self.entrance.classes)
        self._chosen: Batch | None = None

    def carrying(self, predictions: Mapping[str, list[Any]]) -> AbstractContextManager[None]:
        """While a frame is read that brought these predictions with it; see `LightlyFolder.carrying`."""
        return self._folder.carrying(predictions) if predictions and self._folder else nullcontext()

    def batch(
        self,
        rows: Sequence[Known],
        vectors: Vector,
        objects: Sequence[Mapping[str, Vector]] = (),
        weights: Sequence[int] = (),
        *,
        totals: Totals | None = None,
    ) -> Batch:
        """Rows as selectors take them. objects: of each row, task -> vectors; none where nothing is given.

        weights: how many rows that were looked at each stands for; 1 unless given. totals: of what the rows are a part
        of; unless given, of all that passed the entrance.
        """
        found = objects or [{}] * len(rows)
        crops = {task: objects_column(task, found, self.objects.dim) for task in self.objects.tasks}
        marks, signals = [row.marks for row in rows], [row.signals for row in rows]
        known = vectors if self._config.reads_vectors else None
        boxes = [row.box for row in rows]
        material = self.entrance.rows(marks, signals, boxes, totals=totals, rows=known, crops=crops)
        self._chosen = self._standing(batch_of(self._config, material), weights)
        return self._chosen

    def _standing(self, batch: Batch, weights: Sequence[int] = ()) -> Batch:
        """With how many rows each stands for, where TYPICALITY counts them."""
        kinds = [entry.kind for entry in self._config.strategies if entry.strategy.type == "TYPICALITY"]
        if "vectors" not in kinds:
            return batch
        column = Numbers(np.maximum(np.array(weights or [1] * len(batch), np.float64), 1))
        return Batch({**batch.columns, STANDS_FOR: column}, len(batch))

    def picked(self, picks: Sequence[Any]) -> Batch | None:
        """Picks of earlier runs, or None."""
        if not picks:
            return None
        dim = self.objects.dim if self._config.reads_vectors else 0
        vectors = np.array([pick.vector[:dim] for pick in picks], np.float32)
        return self.batch(picks, vectors, self.objects.kept.picks)

    def pooled(self, pool: Pool, count: int, runs: Sequence[str], embedder: Embedder) -> Batch:
        """The oldest rows of a pool, but for those of some runs. Raises StateError where they are of another model."""
        dim = self.objects.dim if self._config.reads_vectors else 0
        like = self.batch([], np.empty((0, dim), np.float32))
        check_model(pool, embedder.dim, embedder.name)
        if pool.model is None:
            pool.model, pool.dim = embedder.name, self.objects.dim
        return self._standing(batch_of(self._config, PoolRows(pool, like, count, runs)))

    @property
    def totals(self) -> Totals | None:
        """Of all that is chosen from; None where a threshold takes objects out, which no total of frames knows."""
        return None if self.object_rows is not None and self.object_rows.thins else self.entrance.totals

    def reached(self, order: Sequence[int], decisions: Sequence[Any], before: Batch | None = None) -> dict[str, Any]:
        """What each strategy asked for and reached, and the curve, of the batch made last. before: earlier picks."""
        if self._chosen is None:
            return {}
        alike = self.object_rows is None
        told = reached(self._config, self._chosen, order, decisions, before, self.totals, alike=alike)
        filters = [self.entrance.filters, *([self.object_rows.filter] if self.object_rows else [])]
        passed = {label: one for each in filters for label, one in each.passed().items()}
        return {"strategies": {**told, **passed}, "curve": curve(order, decisions)}


def lightly_folder(named: Path | None, sources: Sequence[Source]) -> LightlyFolder | None:
    """The `.lightly` folder that a user names, or the nearest one beside or above the first local source."""
    if named is not None:
        return LightlyFolder.named(named)
    local = next((source for source in sources if source.kind != "live" and "://" not in source.location), None)
    return None if local is None else LightlyFolder.find(_root(local))


def _root(source: Source) -> Path:
    """The folder to which a source's id is relative."""
    location = Path(os.path.abspath(source.location))  # noqa: PTH100  # links stay as they are
    depth = len(PurePosixPath(source.id).parts)
    return location.parents[depth - 1] if depth else location
