"""From a selection config and a batch of candidates to the objectives and constraints of the budget's driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.config.constraints import MinDistance, MinGap, Names, Quota
from streamsel.config.selection import Entry
from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.rules.filters import listed, same_name
from streamsel.rules.keys import key_of
from streamsel.rules.material import NAME, SOURCE, STANDS_FOR, TIME, VECTORS
from streamsel.rules.shares import wanted_shares
from streamsel.rules.totals import Totals
from streamsel.selection import Constraint, Objective
from streamsel.selection.budget.balance import Balance
from streamsel.selection.budget.best import Rules
from streamsel.selection.budget.constraints import AtLeast, AtMost, Include, MinimumGap
from streamsel.selection.budget.diversity import Diversity
from streamsel.selection.budget.greedy import Goal
from streamsel.selection.budget.minimum_distance import MinimumDistance
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.budget.object_sums import ObjectSimilarity, ObjectTypicality
from streamsel.selection.budget.objects import ObjectDiversity
from streamsel.selection.budget.sums import Sum
from streamsel.selection.budget.together import Together
from streamsel.selection.budget.typicality import Typicality
from streamsel.selection.columns import Batch, Vectors
from streamsel.selection.formulas import similarity, typicality

__all__ = ["budget_rules", "constraint_name"]

Queries = Mapping[str, Vector]


def budget_rules(config: SelectionConfig, queries: Queries, totals: Totals | None = None) -> Callable[[Batch], Rules]:
    """Makes, for a table of candidates, what applies to it. queries: query set -> its (Q, D) vectors.

    totals: of all that was looked at, where the candidates are but a part of it.
    """
    return lambda batch: _Compiler(config, queries, batch, totals).rules()


class _Compiler:
    """One batch; `nearest` is shared by all that measures distances of rows."""

    def __init__(self, config: SelectionConfig, queries: Queries, batch: Batch, totals: Totals | None) -> None:
        self._config, self._queries, self._batch, self._totals = config, queries, batch, totals
        self._nearest: Nearest | None = None

    def rules(self) -> Rules:
        named = zip(self._config.strategies, self._config.labels, strict=True)
        goals = [
            self._goal(place, entry, label)
            for place, (entry, label) in enumerate(named)
            if entry.strategy.type != "THRESHOLD"
        ]
        made = [self._constraint(one) for one in self._config.constraints]
        known = [constraint for constraint in made if constraint is not None]
        return Rules(goals, [Together(known, len(self._batch))] if known else [])

    def _goal(self, place: int, entry: Entry, label: str) -> Goal:
        try:
            return Goal(self._objective(entry, label), entry.strategy.strength)  # type: ignore[union-attr]
        except UsageError as error:
            raise UsageError(f"strategies[{place}]: {error}") from error

    @property
    def nearest(self) -> Nearest:
        if self._nearest is None:
            self._nearest = Nearest(self._batch[VECTORS])
        return self._nearest

    def _objective(self, entry: Entry, label: str) -> Objective:
        column, options = self._batch[entry.column], entry.strategy
        make: dict[str, Callable[[Any, Any, str], Objective]] = {
            "DIVERSITY": self._diversity,
            "TYPICALITY": self._typicality,
            "SIMILARITY": lambda column, options, label: self._similarity(entry, column, label),
            "BALANCE": lambda column, options, label: self._balance(entry, column, label),
            "WEIGHTS": self._weights,
        }
        return make[options.type](column, options, label)

    def _diversity(self, column: Any, options: Any, label: str) -> Objective:
        stop = options.stopping_condition_minimum_distance or 0.0
        if isinstance(column, Vectors):
            return Diversity(self.nearest, name=label, stopping_condition_minimum_distance=stop)
        return ObjectDiversity(column, name=label, stopping_condition_minimum_distance=stop)

    def _typicality(self, column: Any, options: Any, label: str) -> Objective:
        stop, k = options.stopping_condition_minimum_typicality or 0.0, options.num_nearest_neighbors
        if isinstance(column, Vectors):
            counted = self._batch.columns.get(STANDS_FOR)
            values = typicality(column.rows, k, None if counted is None else counted.values.astype(np.int64))
            return Typicality(values, name=label, stopping_condition_minimum_typicality=stop)
        return ObjectTypicality(column, k, name=label, stopping_condition_minimum_typicality=stop)

    def _similarity(self, entry: Entry, column: Any, label: str) -> Objective:
        queries = self._queries[entry.query or ""]
        if isinstance(column, Vectors):
            return Sum(label, similarity(column.rows, queries))
        return ObjectSimilarity(column, queries, name=label)

    def _balance(self, entry: Entry, column: Any, label: str) -> Objective:
        given = self._totals.shares(entry.column) if self._totals else {}
        return Balance(label, *wanted_shares(entry.strategy, column, given))

    def _weights(self, column: Any, options: Any, label: str) -> Objective:
        wanted = options.target_range
        span = None if wanted is None else (wanted.min_sum, wanted.max_sum)
        return Sum(label, column.values, options.stopping_condition_max_sum, span)

    def _constraint(self, constraint: Any) -> Constraint | None:
        name = constraint_name(constraint)
        match constraint:
            case MinDistance():
                return MinimumDistance(self.nearest, constraint.distance, name=name)
            case MinGap():
                return MinimumGap(self._batch[SOURCE], self._batch[TIME], constraint.seconds, name=name)
            case Quota(type="AT_MOST"):
                return AtMost(self._batch[constraint.column], constraint.count, classes=constraint.classes, name=name)
            case Quota():
                return AtLeast(self._batch[constraint.column], constraint.count, classes=constraint.classes, name=name)
            case Names(type="INCLUDE"):
                found = same_name(self._batch[NAME].values, listed(constraint))
                return Include([row for row in found if row is not None], len(self._batch), name=name)
        return None


def constraint_name(constraint: Any) -> str:
    """What messages and `summary.json` call a constraint: its type, and for quotas what it counts."""
    return f"{constraint.type} {key_of(constraint.per)}" if isinstance(constraint, Quota) else str(constraint.type)
