"""OnePass: the stream driver. Each row is decided once, as it comes, for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from streamsel.data import Decision, Vector
from streamsel.errors import UsageError
from streamsel.selection import State
from streamsel.selection.diversity import Diversity
from streamsel.selection.rate import Rate
from streamsel.selection.rows import check_row, check_rows

__all__ = ["OnePass"]

BLOCK = 128
"""Rows searched at once: enough for a fast matrix product, few enough to bring up to date after each pick."""


class OnePass:
    """Keeps a row by its distance to all picks; the first row is always kept. One of two goals:

    min_distance: keep what is at least so far (Euclidean, above 0; 2 is the largest between unit vectors). Then any
    two picks are min_distance or more apart, and every row offered is nearer than that to a pick.
    target_ratio: keep about that share of all frames looked at, the most distant ones; `rate` says how closely.

    dim: length of a row. Raises UsageError for a goal that cannot be, or none, or two.
    """

    def __init__(self, dim: int, *, min_distance: float | None = None, target_ratio: float | None = None) -> None:
        if (min_distance is None) == (target_ratio is None):
            raise UsageError("give either min_distance or target_ratio, and not both")
        if min_distance is not None and not 0 < min_distance < np.inf:
            raise UsageError(f"min_distance must be above 0 and finite, got {min_distance}")
        self.min_distance = min_distance
        self.rate = None if target_ratio is None else Rate(target_ratio)
        self.diversity = Diversity(dim)
        self.looked = 0

    def __len__(self) -> int:
        return len(self.diversity)

    def offer(self, rows: Vector, looked: Sequence[int] | None = None) -> list[Decision]:
        """Decide on rows (B, dim), B >= 0, one after the other, and take in those kept.

        looked[i]: number of frames looked at since the previous row offered, this one included; 1 each unless given.
        Raises UsageError, with nothing changed, when a row cannot be used.
        """
        table = check_rows(rows, self.diversity.dim)
        steps = _check_looked(looked, len(table))
        decisions: list[Decision] = []
        for start in range(0, len(table), BLOCK):
            decisions += self._offer_block(table[start : start + BLOCK], steps[start : start + BLOCK])
        return decisions

    def _offer_block(self, rows: Vector, looked: Sequence[int]) -> list[Decision]:
        distance, nearest = self.diversity.nearest(rows)
        decisions = []
        for i, step in enumerate(looked):
            self.looked += step
            keep = self.rate.decide(self._gain(distance[i]), step) if self.rate else self._is_far(distance[i])
            decisions.append(self._decision(keep, float(distance[i]), int(nearest[i])))
            if keep:
                self.diversity.add(rows[i])
                self.diversity.update(rows[i + 1 :], distance[i + 1 :], nearest[i + 1 :])
        return decisions

    def _is_far(self, distance: float) -> bool:
        return self.min_distance is not None and bool(distance >= self.min_distance)

    def _gain(self, distance: float) -> float:
        """Squared distance relative to the first pick's squared norm: what `Rate` takes, the same at any scale."""
        if not len(self):
            return np.inf
        first = self.diversity.picks[0].astype(np.float64)
        return float(distance) ** 2 / (float(np.square(first).sum()) or 1.0)

    def _decision(self, keep: bool, distance: float, nearest: int) -> Decision:
        if nearest < 0:
            return Decision(keep, "first", distance)
        reason = "ratio" if self.rate else "distance" if keep else "near"
        return Decision(keep, reason, distance, nearest, {"DIVERSITY": distance**2})

    def peek(self, rows: Vector) -> list[Decision]:
        """What `offer` would decide on each row if it came next; changes nothing."""
        decisions = []
        for distance, nearest in zip(*self.diversity.nearest(rows), strict=True):
            keep = self.rate.peek(self._gain(distance)) if self.rate else self._is_far(distance)
            decisions.append(self._decision(keep, float(distance), int(nearest)))
        return decisions

    def add(self, row: Vector, looked: int = 1) -> int:
        """Take one row (dim,) in as a pick, whatever the decision would be; gives its ordinal.

        looked: as in `offer`; 0 for a row that was counted already, because it was offered and dropped.
        """
        self.diversity.add(check_row(row, self.diversity.dim)[0])
        self.looked += looked
        if self.rate:
            self.rate.add(looked)
        return len(self) - 1

    def skip(self, count: int = 1) -> None:
        """Count frames that were looked at and not offered, at the end of a stream for instance."""
        (count,) = _check_looked([count], 1)
        self.looked += count
        if self.rate:
            self.rate.skip(count)

    def finish(self, n: int) -> tuple[list[int], list[Decision]]:
        """Nothing is left for the end of a stream."""
        return [], []

    def state(self) -> State:
        """What `restore` needs beside the picks: `looked`, and `rate` where there is a target ratio."""
        return {"looked": np.array(self.looked), **(self.rate.state() if self.rate else {})}

    def restore(self, state: State) -> Self:
        """Go on from `state`, to which `picks`, (M, dim) float32 in the order picked, have been added."""
        self.diversity.restore(state)
        self.looked = int(state["looked"])
        if self.rate:
            self.rate.restore(state)
        return self


def _check_looked(looked: Sequence[int] | None, rows: int) -> Sequence[int]:
    steps = [1] * rows if looked is None else [int(step) for step in looked]
    if len(steps) != rows or min(steps, default=0) < 0:
        raise UsageError(f"looked must hold {rows} numbers of frames, 0 or more each, got {steps}")
    return steps
