"""A selector to which the picks of a pool count as selected, while picks of its own are numbered from 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from streamsel.data import Decision, Vector
from streamsel.selection import Selector, State
from streamsel.selection.columns import Batch
from streamsel.selection.stream.onepass import OnePass

__all__ = ["IN_THE_POOL", "Pooled"]

IN_THE_POOL: Final = -2
"""In place of the ordinal of a pick: the nearest one is in the pool."""


class Pooled:
    """A Selector. inner: one that is empty, or has the pool's rows in it already. vectors: (P, D), the pool's."""

    def __init__(self, inner: Selector, pool: Batch, vectors: Vector) -> None:
        self.inner, self._vectors, self._count = inner, vectors, len(pool)
        if isinstance(inner, OnePass):
            inner.know(pool)

    @property
    def looked(self) -> int:
        """See `Selector`."""
        return self.inner.looked

    def __len__(self) -> int:
        return len(self.inner) - self._count

    def offer(self, rows: Vector | Batch, looked: Sequence[int] | None = None) -> list[Decision]:
        """See `Selector`."""
        return [self._told(decision) for decision in self.inner.offer(rows, looked)]

    def finish(self, n: int) -> tuple[list[int], list[Decision]]:
        """See `Selector`."""
        order, decisions = self.inner.finish(n)
        return order, [self._told(decision) for decision in decisions]

    def _told(self, decision: Decision) -> Decision:
        if decision.nearest < 0:
            return decision
        own = decision.nearest - self._count
        return replace(decision, nearest=own if own >= 0 else IN_THE_POOL)

    def state(self) -> State:
        """See `Selector`."""
        return self.inner.state()

    def restore(self, state: State) -> object:
        """See `Selector`: `picks` are its own, the pool's come before them."""
        picks = np.concatenate([self._vectors, state["picks"]]) if self._vectors.size else state["picks"]
        return self.inner.restore({**state, "picks": picks})
