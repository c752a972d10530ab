"""Greedy: the budget's driver over all strategies at once. It takes one row at a time, always the best.

The best row has the largest potential, the sum over the goals of strength * ln O(picks + row), each O at least LEAST,
as the engine has it that users come from: where an O is 0 or less for every row, the other goals decide. Ties go to
the lowest position. With one goal alone the potential rises (or, at negative strength, falls) with its O, so rows are
ranked by O itself, also where there is no logarithm: WEIGHTS of 0 and below are ranked as numbers are. A strength of 0
takes no part in the ranking.

Objectives only tell upper bounds until they are asked to settle some rows; `best_first` asks for as few as it can.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection import Constraint, Objective, Positions
from streamsel.selection.budget.cores import one_blas_thread
from streamsel.selection.budget.lazy import best_first
from streamsel.selection.budget.together import Together

__all__ = ["Choice", "Goal", "choose"]

Values = npt.NDArray[np.float64]

LEAST: Final = 1e-8
"""What an O counts at least beside others: rows with less rank by what the others say of them."""


@dataclass(frozen=True, slots=True)
class Goal:
    """An objective and how much it counts: a finite exponent; a negative one turns it round."""

    objective: Objective
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.strength):
            raise UsageError(f"strength of {self.objective.name} must be a finite number, got {self.strength}")


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen.

    order: positions of the rows, in the order picked. gains: for each of them objective's name ->
    strength * (ln O with it - ln O before it); where O before it is not defined, strength * ln O with it; left out
    where neither is. demands: the constraints for which each of them was picked; empty where it was for its gain.
    ended: why there are no more.
    """

    order: tuple[int, ...]
    gains: tuple[Mapping[str, float], ...] = field(repr=False)
    demands: tuple[str, ...] = field(repr=False)
    ended: str


def choose(
    goals: Sequence[Goal],
    n: int,
    *,
    open_rows: npt.NDArray[np.bool_],
    constraints: Sequence[Constraint] = (),
    progress: Callable[[int], None] | None = None,
) -> Choice:
    """At most n rows, best first, of those that are open.

    open_rows: (N,) bool, which may be picked; not changed. Rows that count as picked already are closed, and were
    added to all objectives and constraints before. A row that a constraint forbids is passed over; a stopping
    condition that the best of the others meets ends the run. progress: told how many picks there are, after each.
    Raises UsageError for a negative n.
    """
    if n < 0:
        raise UsageError(f"n must be 0 or more, got {n}")
    run = _Run(goals, constraints, ~open_rows)
    order: list[int] = []
    gains: list[Mapping[str, float]] = []
    demands: list[str] = []
    with one_blas_thread():
        while len(order) < n and (row := run.best(n - len(order))) is not None:
            demands.append(run.demand)
            gains.append(run.take(row))
            order.append(row)
            if progress:
                progress(len(order))
    return Choice(tuple(order), tuple(gains), tuple(demands), run.ended or run.enough(n))


class _Run:
    """What changes from pick to pick, beside the objectives and constraints."""

    def __init__(self, goals: Sequence[Goal], constraints: Sequence[Constraint], closed: npt.NDArray[np.bool_]) -> None:
        self._goals, self._constraints, self._closed = goals, constraints, closed
        self._ranking = [goal for goal in goals if goal.strength]
        self._hindered: dict[str, None] = {}
        self._wanting: dict[str, str] = {}
        self._spare = np.empty((2, len(closed)))
        self.ended = ""

    @property
    def demand(self) -> str:
        """For which constraints the best row is the best."""
        return ", ".join(self._wanting.values())

    def enough(self, n: int) -> str:
        """Why n picks are all: there are no more rows, which whoever said n may have known, or no more are wanted."""
        return "no row is left" if self._closed.all() else f"all {n} picks are made"

    def best(self, left: int) -> int | None:
        """The row to pick, with so many picks left; None, and why in `ended`, when there is none."""
        for row in best_first(self._bounds(left), self._settle):
            if self._forbidden(row):
                self._closed[row] = True
                continue
            if not self._wanting:  # what must be there is no reason to stop
                self.ended = next(filter(None, (goal.objective.ends(row) for goal in self._goals)), "")
            return None if self.ended else row
        names = dict.fromkeys([*self._hindered, *(self._wanting if not self._closed.all() else ())])
        self.ended = f"no row is left that {', '.join(names)} allows" if names else "no row is left"
        return None

    def take(self, row: int) -> dict[str, float]:
        """Pick a row; what that gained."""
        gains: dict[str, float] = {}
        for goal in self._goals:
            before, after = goal.objective.now(), float(goal.objective.values()[row])
            if after > 0:
                gain = math.log(after) - (math.log(before) if before > 0 else 0.0)
                gains[goal.objective.name] = gains.get(goal.objective.name, 0.0) + goal.strength * gain
        for goal in self._goals:
            goal.objective.add(row)
        for constraint in self._constraints:
            constraint.add(row)
        self._closed[row] = True
        return gains

    def _forbidden(self, row: int) -> bool:
        for constraint in self._constraints:
            if constraint.forbids(row):
                self._hindered[constraint.name] = None
                return True
        return False

    def _bounds(self, left: int) -> Values:
        """Upper bounds of the potential; -infinity where a row may not be picked now."""
        shut = self._closed
        self._wanting = {}
        for constraint in self._constraints:
            if (wanted := constraint.wants(left)) is not None:
                self._wanting[constraint.name] = (
                    constraint.demand if isinstance(constraint, Together) else constraint.name
                )
                shut = shut | ~wanted
        for goal in self._ranking:
            if goal.strength < 0:  # an upper bound of O is a lower bound of its potential: no help
                goal.objective.settle(np.flatnonzero(~shut))
        bounds = self._potential([goal.objective.values() for goal in self._ranking], *self._spare)
        np.copyto(bounds, -np.inf, where=shut)
        return bounds

    def _settle(self, rows: Positions) -> Values:
        for goal in self._goals:
            goal.objective.settle(rows)
        return self._potential([goal.objective.values()[rows] for goal in self._ranking], *np.empty((2, len(rows))))

    def _potential(self, values: Sequence[Values], total: Values, term: Values) -> Values:
        """Of rows with these values of O, one array for each goal; total and term: as long, overwritten."""
        if len(values) == 1:
            return np.multiply(values[0], math.copysign(1.0, self._ranking[0].strength), out=total)
        total[:] = 0.0
        for goal, objective in zip(self._ranking, values, strict=True):
            np.log(np.maximum(objective, LEAST, out=term), out=term)
            total += np.multiply(term, goal.strength, out=term)
        return total
