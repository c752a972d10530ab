"""The objects of picks, kept over the runs of a folder: what comes later is compared with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector

__all__ = ["KeptObjects"]


class KeptObjects:
    """Task -> vectors of objects, of each pick in the order picked. dim: length of the vectors."""

    def __init__(self, tasks: Sequence[str], dim: int) -> None:
        self._tasks, self._dim = tuple(tasks), dim
        self.picks: list[Mapping[str, Vector]] = []

    def add(self, picks: Sequence[Mapping[str, Vector]]) -> None:
        """More picks."""
        self.picks += [{task: pick[task] for task in self._tasks} for pick in picks]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Of each task (M, dim) float32 `rows`, and `ends`, (picks,) int64; nothing where there is no pick."""
        held: dict[str, npt.NDArray[Any]] = {}
        for task in self._tasks if self.picks else ():
            parts = [pick[task] for pick in self.picks]
            held[f"{task}.rows"] = np.concatenate(parts).astype(np.float32).reshape(-1, self._dim)
            held[f"{task}.ends"] = np.cumsum([len(part) for part in parts], dtype=np.int64)
        return held

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        parts = {
            task: np.split(arrays[f"{task}.rows"], arrays[f"{task}.ends"][:-1])
            for task in self._tasks
            if f"{task}.ends" in arrays
        }
        picks = zip(*parts.values(), strict=True)
        self.picks = [dict(zip(parts, vectors, strict=True)) for vectors in picks]
