"""Greedy: the budget driver. It sees all candidates first and then takes the best n, one at a time.

With DIVERSITY alone this is farthest-first traversal (Gonzalez 1985): the first candidate first, then always the one
farthest from all picks, ties to the lowest index. Its covering radius is at most twice the best possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Vector
from streamsel.selection import State
from streamsel.selection.rows import check_rows, pair_distance

__all__ = ["Greedy", "farthest_first"]

MARGIN: Final = 1e-4
"""Squared distances of unit rows taken from a float32 matrix product are this exact, up to a dimension of 65,536."""

SETTLED_AT_ONCE: Final = 256
"""Rows whose float64 differences are held at once."""


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


def farthest_first(
    rows: Vector, n: int, *, preselected: Vector | None = None
) -> tuple[list[int], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Positions of min(n, N) rows in farthest-first order; and for all rows the distance to a pick, and which.

    rows: (N, D) float32, unit norm. For a pick the distance is that to the nearest earlier pick when it was taken,
    for another row that to the nearest of all. Ordinals count the preselected rows first; before any pick the ordinal
    is -1 and the distance infinite. A float32 product only tells which rows can have come closer to the newest pick:
    their distances are settled by `pair_distance`, so nothing depends on the BLAS at hand.
    """
    distance, nearest = np.full(len(rows), np.inf), np.full(len(rows), -1, np.int64)
    open_rows = np.ones(len(rows), bool)
    squares = np.einsum("ij,ij->i", rows, rows)
    before = [] if preselected is None else list(preselected)
    for ordinal, pick in enumerate(before):
        _come_closer(rows, squares, pick, ordinal, distance, nearest, open_rows)
    order: list[int] = []
    while len(order) < min(n, len(rows)):
        best = int(np.argmax(np.where(open_rows, distance, -1)))
        open_rows[best] = False
        order.append(best)
        _come_closer(rows, squares, rows[best], len(before) + len(order) - 1, distance, nearest, open_rows)
    return order, distance, nearest


def _come_closer(
    rows: Vector,
    squares: Vector,
    pick: Vector,
    ordinal: int,
    distance: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.int64],
    open_rows: npt.NDArray[np.bool_],
) -> None:
    """Lower `distance` and `nearest`, in place, where the newest pick is nearer than all earlier ones."""
    estimate = squares + np.dot(pick, pick) - 2 * (rows @ pick)
    near = np.flatnonzero((estimate - MARGIN < distance**2) & open_rows)
    for start in range(0, len(near), SETTLED_AT_ONCE):
        some = near[start : start + SETTLED_AT_ONCE]
        exact = pair_distance(rows[some], pick[None])
        closer = exact < distance[some]
        distance[some[closer]] = exact[closer]
        nearest[some[closer]] = ordinal
