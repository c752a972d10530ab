"""Objects of the picks of earlier windows, where a selection reads their embeddings: known as long as their picks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.lanes.breath import silent
from streamsel.selection.stream.pick_index import PickIndex

__all__ = ["EarlierObjects"]

Ends = npt.NDArray[np.int64]

PAIRS: Final = 1 << 22
"""Of an object sought and one known, compared between two breaths: beside 100,000 known ones, 40 are sought."""


class EarlierObjects:
    """False where no task's objects are read. dim: of vectors. Picks are told by their place among those known."""

    def __init__(self, tasks: Sequence[str], dim: int) -> None:
        self._none: Vector = np.empty((0, dim), np.float32)
        self._indexes = {task: PickIndex(dim) for task in tasks}
        self._counts: dict[str, list[int]] = {task: [] for task in tasks}
        """Objects of each pick."""

    def __bool__(self) -> bool:
        return bool(self._indexes)

    def add(self, objects: Mapping[str, Vector]) -> None:
        """Those of one more pick, task -> (m, dim)."""
        for task, index in self._indexes.items():
            vectors = objects.get(task, ())
            for vector in vectors:
                index.add(vector)
            self._counts[task].append(len(vectors))

    def forget(self, picks: int) -> list[int]:
        """The oldest picks go; how many objects each of them had."""
        gone = [sum(numbers) for numbers in zip(*(held[:picks] for held in self._counts.values()), strict=True)]
        for task, index in self._indexes.items():
            index.forget(sum(self._counts[task][:picks]))
            del self._counts[task][:picks]
        return gone or [0] * picks

    def near(self, rows: Sequence[Mapping[str, Vector]], breathe: Callable[[], None] = silent) -> Iterator[int]:
        """Places of the picks that have the nearest object to one of these, of each task.

        breathe: called after each part of them, however many objects a frame has, and picks have.
        """
        for task, index in self._indexes.items():
            vectors = [row[task] for row in rows if len(row.get(task, ()))]
            if vectors and len(index):
                ends = np.cumsum(self._counts[task])
                for part in _parts(np.concatenate(vectors), max(1, PAIRS // len(index))):
                    yield from np.searchsorted(ends, index.nearest(part)[1], "right").tolist()
                    breathe()

    def of(self, places: Sequence[int]) -> list[Vector]:
        """Those of some picks: copies of (m, dim) vectors, those of the first task first."""
        ends = {task: np.cumsum([0, *held]) for task, held in self._counts.items()}
        return [np.concatenate([self._none, *self._taken(ends, place)]) for place in places]

    def _taken(self, ends: Mapping[str, Ends], place: int) -> Iterator[Vector]:
        for task, index in self._indexes.items():
            yield index.rows.take(np.arange(*ends[task][place : place + 2]))


def _parts(vectors: Vector, most: int) -> Iterator[Vector]:
    """Of so many rows each, but for the last."""
    return (vectors[start : start + most] for start in range(0, len(vectors), most))
