"""Best: the budget's Selector. It gathers all rows that are offered and chooses among them in `finish`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Vector
from streamsel.selection import Constraint, State
from streamsel.selection.budget.greedy import Choice, Goal, choose
from streamsel.selection.budget.together import Together
from streamsel.selection.columns import Batch, Vectors, concatenate
from streamsel.selection.stream.pick_index import PickIndex

__all__ = ["Best", "Rules"]

AT_ONCE: Final = 1024


@dataclass(frozen=True, slots=True)
class Rules:
    """What applies to one table of rows."""

    goals: Sequence[Goal]
    constraints: Sequence[Constraint] = ()


class Best:
    """Picks the best n of all rows offered.

    rules: makes what applies to a table, which has the rows of `before` first. before: rows that count as picked
    already (earlier runs). vectors: name of the column by which distances are told, where there is one. breathe: called
    often while `finish` works, which may take minutes.
    """

    def __init__(
        self,
        rules: Callable[[Batch], Rules],
        *,
        before: Batch | None = None,
        vectors: str = "EMBEDDINGS",
        breathe: Callable[[], None] = lambda: None,
    ) -> None:
        self._rules, self._vectors, self._breathe = rules, vectors, breathe
        self.before = None if before is None or not len(before) else before
        """Rows that count as picked already."""
        self._parts: list[Batch] = []
        self.looked = 0
        self.ended = ""
        """Why `finish` picked no more; empty before it."""
        self.rules: Rules | None = None
        """What applied in `finish`, all picks taken in."""

    def __len__(self) -> int:
        return 0 if self.before is None else len(self.before)

    def offer(self, rows: Batch | Vector, looked: Sequence[int] | None = None) -> list[Decision]:
        """Take rows in; nothing is decided yet."""
        batch = rows if isinstance(rows, Batch) else Batch({self._vectors: Vectors(rows)}, len(rows))
        if len(batch):
            self._parts.append(batch)
        self.looked += len(batch) if looked is None else sum(looked)
        return []

    def finish(self, n: int) -> tuple[list[int], list[Decision]]:
        """See `streamsel.selection.Selector`. A drop tells its distance to the nearest of all picks."""
        parts, self._parts = self._parts, []
        if not parts:
            self.ended = "no row is left behind the filters"
            return [], []
        first = len(self)
        table = concatenate(parts if self.before is None else [self.before, *parts])
        self.rules = self._rules(table)
        choice = _chosen(self.rules, len(table), first, n, self._breathe)
        self.ended = choice.ended
        column = table.columns.get(self._vectors)
        told = _told(choice, _Near(None if column is None else column.rows, self._breathe), first, len(table))
        return [row - first for row in choice.order], told

    def means(self, order: Sequence[int]) -> dict[str, dict[str, float]]:
        """Objective that sums a value per row -> its mean over the picks and over all candidates, earlier picks apart.

        order: positions of the picks, as `finish` gave them.
        """
        sums = [
            goal.objective for goal in (self.rules.goals if self.rules else ()) if hasattr(goal.objective, "worths")
        ]
        worths = {one.name: one.worths[len(self) :] for one in sums}
        return {
            name: {"reached_mean": float(values[list(order)].mean()), "candidates_mean": float(values.mean())}
            for name, values in worths.items()
            if len(order)
        }

    def unmet(self) -> dict[str, dict[str, int]]:
        """AT_LEAST -> group -> how many picks it lacks, once the choice is made."""
        limits = self.rules.constraints if self.rules else ()
        found = [told for one in limits if isinstance(one, Together) for told in one.unmet().items()]
        return {name: {str(group): lacks for group, lacks in groups.items()} for name, groups in found}

    def state(self) -> State:
        """Nothing: rows are kept by the caller until `finish`."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing to do."""


def _chosen(rules: Rules, rows: int, first: int, n: int, breathe: Callable[[], None]) -> Choice:
    """The choice, with the first rows counted as picks already."""
    for row in range(first):
        for goal in rules.goals:
            goal.objective.add(row)
        for constraint in rules.constraints:
            constraint.add(row)
        breathe()
    open_rows = np.arange(rows) >= first
    return choose(rules.goals, n, open_rows=open_rows, constraints=rules.constraints, progress=lambda _: breathe())


class _Near:
    """Tells how far rows are from the picks so far; infinitely far, where rows have no vectors."""

    def __init__(self, vectors: Vector | None, breathe: Callable[[], None]) -> None:
        self._vectors, self._breathe = vectors, breathe
        self._picks = None if vectors is None else PickIndex(vectors.shape[1])

    def add(self, row: int) -> None:
        if self._picks is not None and self._vectors is not None:
            self._picks.add(self._vectors[row])

    def tell(self, rows: Sequence[int]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        self._breathe()
        if self._picks is None or self._vectors is None or not len(self._picks):
            return np.full(len(rows), np.inf), np.full(len(rows), -1)
        return self._picks.nearest(self._vectors[rows])


def _told(choice: Choice, near: _Near, first: int, rows: int) -> list[Decision]:
    """A decision on every row behind the first ones."""
    told: dict[int, Decision] = {}
    for row in range(first):
        near.add(row)
    for row, gains, demand in zip(choice.order, choice.gains, choice.demands, strict=True):
        (distance,), (nearest,) = near.tell([row])
        reason = f"constraint {demand}" if demand else "greedy" if told or first else "first"
        told[row] = Decision(True, reason, float(distance), int(nearest), gains)
        near.add(row)
    left = [row for row in range(first, rows) if row not in told]
    for start in range(0, len(left), AT_ONCE):
        part = left[start : start + AT_ONCE]
        for row, distance, nearest in zip(part, *map(np.ndarray.tolist, near.tell(part)), strict=True):
            told[row] = Decision(False, "budget", distance, nearest)
    return [told[row] for row in range(first, rows)]
