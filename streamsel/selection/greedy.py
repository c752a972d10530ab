"""Greedy: the budget driver. It sees all candidates first and then takes the best n, one at a time.

With DIVERSITY alone this is farthest-first traversal (Gonzalez 1985): the first candidate first, then always the one
farthest from all picks, ties to the lowest index. Its covering radius is at most twice the best possible.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Vector
from streamsel.selection.rows import check_rows, pair_distance

__all__ = ["Greedy", "farthest_first"]

MARGIN: Final = 1e-4
"""Squared distances of unit rows taken from a float32 matrix product are this exact, up to a dimension of 65,536."""


class Greedy:
    """Collects rows in `offer`, decides in `finish`.

    preselected: (M, D) float32 rows that count as picked already (earlier runs); they are not chosen again.
    """

    def __init__(self, n: int, dim: int, *, preselected: Vector | None = None) -> None:
        self.n, self.dim = n, dim
        self._rows: list[Vector] = []
        self._before = check_rows(np.empty((0, dim), np.float32) if preselected is None else preselected, dim)

    def offer(self, rows: Vector) -> list[Decision]:
        """Take (B, dim) rows in; nothing is decided yet."""
        self._rows.append(check_rows(rows, self.dim).copy())
        return []

    def finish(self) -> list[tuple[int, Decision]]:
        """The position (in the order offered) and the decision of each pick, in the order picked."""
        rows = np.concatenate(self._rows) if self._rows else np.empty((0, self.dim), np.float32)
        order, distance, nearest = farthest_first(rows, self.n, preselected=self._before)
        return [
            (int(o), Decision(True, "greedy" if np.isfinite(d) else "first", float(d), int(p), _gains(d)))
            for o, d, p in zip(order, distance, nearest, strict=True)
        ]


def _gains(distance: float) -> dict[str, float]:
    return {"DIVERSITY": float(distance) ** 2} if np.isfinite(distance) else {}


def farthest_first(
    rows: Vector, n: int, *, preselected: Vector | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Positions of min(n, N) rows in farthest-first order, their distance to the nearest earlier pick, and which.

    rows: (N, D) float32, unit norm. The ordinal of the nearest pick counts the preselected rows first; it is -1 and
    the distance infinite where there is none. A float32 product only tells which rows can have come closer to the
    newest pick; their distances are settled by `pair_distance`, so the order does not depend on the BLAS at hand.
    """
    count = min(n, len(rows))
    distance, nearest = np.full(len(rows), np.inf), np.full(len(rows), -1, np.int64)
    squares = np.einsum("ij,ij->i", rows, rows)
    before = [] if preselected is None else list(preselected)
    for ordinal, pick in enumerate(before):
        _come_closer(rows, squares, pick, ordinal, distance, nearest)
    order = np.empty(count, np.int64)
    reached, which = np.empty(count), np.empty(count, np.int64)
    for k in range(count):
        order[k] = best = int(np.argmax(distance))
        reached[k], which[k] = distance[best], nearest[best]
        _come_closer(rows, squares, rows[best], len(before) + k, distance, nearest)
        distance[best] = -1
    return order, reached, which


def _come_closer(
    rows: Vector,
    squares: Vector,
    pick: Vector,
    ordinal: int,
    distance: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.int64],
) -> None:
    """Lower `distance` and `nearest`, in place, where the newest pick is nearer than all earlier ones."""
    estimate = squares + np.dot(pick, pick) - 2 * (rows @ pick)
    near = np.flatnonzero((estimate - MARGIN < distance**2) & (distance >= 0))
    exact = pair_distance(rows[near], pick[None])
    closer = exact < distance[near]
    distance[near[closer]] = exact[closer]
    nearest[near[closer]] = ordinal
