"""The stream mode's gate: a frame that looks like one already embedded is held.

It only says 'surely not new': a frame is compared with frames that were let through, never with the one before it,
so slow drift adds up until it passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.embed.scout import DIM

__all__ = ["Gate"]

MEMORY: Final = 256
SAME: Final = 0.1


class Gate:
    """Remembers the descriptors of the last MEMORY frames let through."""

    def __init__(self, *, target_ratio: float | None = None) -> None:
        self.same = SAME
        self.seen = 0
        self._rows: Vector = np.zeros((0, DIM), np.float32)
        self._numbers = np.zeros(0, np.int64)

    def offer(self, rows: Vector) -> npt.NDArray[np.int64]:
        """(B,) the number of the remembered frame that holds each row, -1 for those let through."""
        return np.array([self._one(row) for row in rows], np.int64)

    def _one(self, row: Vector) -> int:
        number, self.seen = self.seen, self.seen + 1
        if len(self._rows):
            gaps = np.square(self._rows - row).sum(axis=1)
            nearest = int(np.argmin(gaps))
            if gaps[nearest] <= self.same**2:
                return int(self._numbers[nearest])
        self._rows = np.concatenate([self._rows, row[None]])[-MEMORY:]
        self._numbers = np.append(self._numbers, number)[-MEMORY:]
        return -1

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it, as arrays."""
        return {"rows": self._rows, "numbers": self._numbers, "seen": np.array(self.seen)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self._rows, self._numbers, self.seen = state["rows"], state["numbers"], int(state["seen"])
