"""Greedy as its definition reads, without a thought for speed: what the engine and the known one are judged by."""

from __future__ import annotations

from dataclasses import dataclass

import lightly_mundig
import numpy as np

from streamsel.selection.budget.balance import Balance
from streamsel.selection.budget.diversity import Diversity
from streamsel.selection.budget.greedy import Choice, Goal, choose
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.budget.sums import Sum
from streamsel.selection.columns import Counts, Vectors


def unit_rows(seed: int, rows: int, dim: int = 8, centres: int = 0, spread: float = 0.3) -> np.ndarray:
    """Rows on the sphere; around so many centres, or anywhere when there are none."""
    dice = np.random.default_rng(seed)
    made = dice.normal(size=(rows, dim))
    if centres:
        made = dice.normal(size=(centres, dim))[dice.integers(0, centres, rows)] + spread * made
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Task:
    """What to choose by: a column is None where its strategy takes no part; the first `before` rows are picks."""

    vectors: np.ndarray | None = None
    weights: np.ndarray | None = None
    counts: np.ndarray | None = None
    target: np.ndarray | None = None
    diversity: float = 1.0
    weighting: float = 1.0
    balancing: float = 1.0
    before: int = 0
    minimum: float = 0.0

    def __len__(self) -> int:
        return next(len(column) for column in (self.vectors, self.weights, self.counts) if column is not None)

    def goals(self) -> list[Goal]:
        goals = []
        if self.vectors is not None:
            nearest = Nearest(Vectors(self.vectors))
            goals.append(Goal(Diversity(nearest, stopping_condition_minimum_distance=self.minimum), self.diversity))
        if self.weights is not None:
            goals.append(Goal(Sum("WEIGHTS", self.weights.astype(np.float64)), self.weighting))
        if self.counts is not None:
            counts = Counts(self.counts.astype(np.float64), tuple(f"class {i}" for i in range(self.counts.shape[1])))
            goals.append(Goal(Balance("BALANCE", counts, self.target.astype(np.float64)), self.balancing))
        return goals

    def chosen(self, n: int, **more: object) -> Choice:
        """What the engine chooses."""
        return started(self.goals(), len(self), n, self.before, **more)

    def by_mundig(self, n: int) -> list[int]:
        """What the known engine chooses after the first `before`."""
        engine = lightly_mundig.Selection()
        if self.vectors is not None:
            engine.add_diversifying_strategy(self.vectors, self.diversity, self.minimum or None)
        if self.weights is not None:
            engine.add_weighting_strategy(self.weights, self.weighting)
        if self.counts is not None:
            engine.add_balancing_strategy(self.counts, self.target, self.balancing)
        return list(engine.run_selection(list(range(self.before)), len(self), self.before + n))[self.before :]

    def potentials(self, picks: list[int]) -> np.ndarray:
        """Sum of strength * ln O(picks + row) for every row, O at least 1e-8; -infinity for the picks."""
        total = np.zeros(len(self))
        if self.vectors is not None:
            total += self.diversity * np.log(np.maximum(_spread(self.vectors.astype(np.float64), picks), 1e-8))
        if self.weights is not None:
            weights = self.weights.astype(np.float64)
            total += self.weighting * np.log(np.maximum(weights[picks].sum() + weights, 1e-8))
        if self.counts is not None:
            total -= self.balancing * np.log(_entropy(self.counts.astype(np.float64), self.target, picks))
        total[picks] = -np.inf
        return total


def started(goals: list[Goal], rows: int, n: int, before: int = 0, **more: object) -> Choice:
    """`choose` with the first `before` rows as picks."""
    for goal in goals:
        for row in range(before):
            goal.objective.add(row)
    return choose(goals, n, open_rows=np.arange(rows) >= before, **more)


def _spread(vectors: np.ndarray, picks: list[int]) -> np.ndarray:
    if not picks:
        return np.ones(len(vectors))
    squares = ((vectors[:, None] - vectors[picks]) ** 2).sum(axis=2)
    among = squares[picks] + np.where(np.eye(len(picks)), np.inf, 0)
    return squares.min(axis=1) + (among.min(axis=1).sum() if len(picks) > 1 else 0)


def _entropy(counts: np.ndarray, target: np.ndarray, picks: list[int]) -> np.ndarray:
    amounts = counts[picks].sum(axis=0) + counts
    shares = np.maximum(np.nan_to_num(amounts / amounts.sum(axis=1, keepdims=True)), 1e-10)
    return np.maximum(-(target * np.log(shares)).sum(axis=1), 1e-6)


def loss(task: Task, order: list[int]) -> float:
    """By how much, at most, a pick's potential was below the best one at its turn."""
    picks, most = list(range(task.before)), 0.0
    for row in order:
        potentials = task.potentials(picks)
        most = max(most, float(potentials.max() - potentials[row]))
        picks.append(row)
    return most
