"""OnePass: the stream driver. Each row is decided once, as it comes, for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from streamsel.data import Decision, Vector
from streamsel.errors import UsageError
from streamsel.selection import State
from streamsel.selection.diversity import Diversity
from streamsel.selection.rows import check_row, check_rows

__all__ = ["OnePass"]

BLOCK = 128
"""Rows searched at once: enough for a fast matrix product, few enough to bring up to date after each pick."""


class OnePass:
    """Keeps a row when its distance to all picks is min_distance or more; the first row is always kept.

    So any two picks are at least min_distance apart, and every row offered is nearer than that to a pick. dim: length
    of a row. min_distance: Euclidean, above 0 (2 is the largest between unit vectors).
    """

    def __init__(self, dim: int, *, min_distance: float) -> None:
        if not min_distance > 0:
            raise UsageError(f"min_distance must be above 0, got {min_distance}")
        self.min_distance = float(min_distance)
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
            decision = self._decide(float(distance[i]), int(nearest[i]))
            if decision:
                self.diversity.add(rows[i])
                self.diversity.update(rows[i + 1 :], distance[i + 1 :], nearest[i + 1 :])
            decisions.append(decision)
        return decisions

    def _decide(self, distance: float, nearest: int) -> Decision:
        if nearest < 0:
            return Decision(True, "first", distance)
        keep = distance >= self.min_distance
        return Decision(keep, "distance" if keep else "near", distance, nearest, {"DIVERSITY": distance**2})

    def peek(self, rows: Vector) -> list[Decision]:
        """What `offer` would decide on each row if it came next; changes nothing."""
        distance, nearest = self.diversity.nearest(rows)
        return [self._decide(float(d), int(n)) for d, n in zip(distance, nearest, strict=True)]

    def add(self, row: Vector) -> int:
        """Take one row (dim,) in as a pick, whatever the decision would be; gives its ordinal."""
        self.diversity.add(check_row(row, self.diversity.dim)[0])
        self.looked += 1
        return len(self) - 1

    def skip(self, count: int = 1) -> None:
        """Count frames that were looked at and not offered, at the end of a stream for instance."""
        self.looked += _check_looked([count], 1)[0]

    def state(self, picks: bool = True) -> State:
        """Arrays from which `restore` goes on: `looked` and `picks` (M, dim) float32 in the order picked.

        picks=False leaves these out, for a caller that has stored every pick as it was made.
        """
        kept = self.diversity.state() if picks else {}
        return {"looked": np.array(self.looked), **kept}

    def restore(self, state: State) -> Self:
        """Go on from `state`, which must hold the picks."""
        self.diversity.restore(state)
        self.looked = int(state["looked"])
        return self


def _check_looked(looked: Sequence[int] | None, rows: int) -> Sequence[int]:
    steps = [1] * rows if looked is None else [int(step) for step in looked]
    if len(steps) != rows or min(steps, default=0) < 0:
        raise UsageError(f"looked must hold {rows} numbers of frames, 0 or more each, got {steps}")
    return steps
