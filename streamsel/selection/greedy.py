"""Greedy: the budget driver. It sees all candidates first and then takes the best n, one at a time.

With DIVERSITY alone this is farthest-first traversal (Gonzalez 1985): the first candidate first, then always the one
farthest from all picks, ties to the lowest index. Its covering radius is at most twice the best possible.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamsel.data import Decision, Vector
from streamsel.selection import State
from streamsel.selection.budget.farthest import farthest_first
from streamsel.selection.rows import check_rows

__all__ = ["Greedy"]


class Greedy:
    """Collects rows in `offer`, decides in `finish`.

    preselected: (M, D) float32 rows that count as picked already (earlier runs); they are not chosen again.
    """

    def __init__(self, dim: int, *, preselected: Vector | None = None) -> None:
        self.dim, self.looked = dim, 0
        self._rows: list[Vector] = []
        self._before = check_rows(np.empty((0, dim), np.float32) if preselected is None else preselected, dim)

    def __len__(self) -> int:
        return len(self._before)

    def offer(self, rows: Vector, looked: Sequence[int] | None = None) -> list[Decision]:
        """Take (B, dim) rows in; nothing is decided yet."""
        self._rows.append(check_rows(rows, self.dim))
        self.looked += len(rows) if looked is None else sum(looked)
        return []

    def finish(self, n: int) -> tuple[list[int], list[Decision]]:
        """See `streamsel.selection.Selector`. A drop tells its distance to the nearest of all picks."""
        rows = self._take_rows()
        order, distance, nearest = farthest_first(rows, n, preselected=self._before)
        picked = set(order)
        return order, [_decision(i in picked, float(distance[i]), int(nearest[i])) for i in range(len(rows))]

    def _take_rows(self) -> Vector:
        """All rows offered, copied only where they came in parts."""
        parts, self._rows = self._rows, []
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self.dim), np.float32)

    def state(self) -> State:
        """Nothing: rows are kept by the caller until `finish`."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing to do."""


def _decision(keep: bool, distance: float, nearest: int) -> Decision:
    if nearest < 0:
        return Decision(keep, "first" if keep else "budget", distance)
    return Decision(keep, "greedy" if keep else "budget", distance, nearest, {"DIVERSITY": distance**2})
