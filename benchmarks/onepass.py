"""OnePass beside Greedy on the same rows, and what a row costs it: `python benchmarks/onepass.py`.

The rows of a synthetic film in shuffled order, with classes and weights that depend on the scene. OnePass decides on
each as it comes, at a target ratio; Greedy sees all of them first and picks as many, by the definition of the
potential, worked out here by brute force; `random` is a choice by lot. All strengths are 1. Printed is the loss of
potential (sum of ln O) to Greedy, and for each strategy its O as a share of Greedy's O: 0.69 lost is half of one O.

Then milliseconds a row at 10,000 picks of 1,280 numbers, in blocks and one by one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from measured import machine

from streamsel.selection import Strategy
from streamsel.selection.columns import Batch, Counts, Numbers, Vectors
from streamsel.selection.formulas import typicality
from streamsel.selection.stream.balance import Balance
from streamsel.selection.stream.diversity import Diversity
from streamsel.selection.stream.onepass import OnePass
from streamsel.selection.stream.sums import Sums
from streamsel.selection.stream.typicality import Typicality
from streamsel.testing.streams import scene_stream

CONFIGS = (
    ("diversity",),
    ("diversity", "weights"),
    ("diversity", "balance"),
    ("diversity", "weights", "balance"),
    ("typicality", "diversity"),
)
CLASSES = ("common", "usual", "rare")
NEIGHBOURS = 20


class Spread:
    """DIVERSITY."""

    def __init__(self, batch: Batch) -> None:
        self.rows = batch["EMBEDDINGS"].rows
        self.norms = np.einsum("ij,ij->i", self.rows, self.rows)
        self.near = np.full(len(batch), np.inf)
        self.picks: list[int] = []
        self.apart = np.zeros(0)

    def now(self) -> float:
        return float(self.apart.sum()) if len(self.picks) > 1 else 0.0

    def values(self) -> np.ndarray:
        return self.now() + self.near if self.picks else np.ones(len(self.near))

    def add(self, row: int) -> None:
        square = np.maximum(self.norms + self.norms[row] - 2 * (self.rows @ self.rows[row]), 0)
        own = square[self.picks].min(initial=np.inf)
        self.apart = np.append(np.minimum(self.apart, square[self.picks]), own)
        self.near = np.minimum(self.near, square)
        self.picks.append(row)


class Total:
    """WEIGHTS, and TYPICALITY."""

    def __init__(self, values: np.ndarray) -> None:
        self.each, self.sum = values, 0.0

    def now(self) -> float:
        return self.sum

    def values(self) -> np.ndarray:
        return self.sum + self.each

    def add(self, row: int) -> None:
        self.sum += self.each[row]


class Shares:
    """BALANCE, UNIFORM."""

    def __init__(self, counts: np.ndarray) -> None:
        self.counts, self.sum = counts, np.zeros(counts.shape[1])

    def _objective(self, sums: np.ndarray) -> np.ndarray:
        shares = np.maximum(sums / np.maximum(sums.sum(axis=-1, keepdims=True), 1e-300), 1e-10)
        return 1 / np.maximum(-np.log(shares).mean(axis=-1), 1e-6)

    def now(self) -> float:
        return float(self._objective(self.sum))

    def values(self) -> np.ndarray:
        return self._objective(self.sum + self.counts)

    def add(self, row: int) -> None:
        self.sum = self.sum + self.counts[row]


Objective = Spread | Total | Shares


def objectives(batch: Batch, config: Sequence[str]) -> list[Objective]:
    made: dict[str, Callable[[], Objective]] = {
        "diversity": lambda: Spread(batch),
        "weights": lambda: Total(batch["weights"].values),
        "balance": lambda: Shares(batch["classes"].values),
        "typicality": lambda: Total(batch["typical"].values),
    }
    return [made[name]() for name in config]


def strategies(dim: int, config: Sequence[str]) -> list[tuple[Strategy, float]]:
    made: dict[str, Callable[[], Strategy]] = {
        "diversity": lambda: Diversity(dim),
        "weights": lambda: Sums("weights"),
        "balance": lambda: Balance("classes", "UNIFORM", classes=CLASSES),
        "typicality": lambda: Typicality(dim, NEIGHBOURS),
    }
    return [(made[name](), 1.0) for name in config]


def greedy(batch: Batch, config: Sequence[str], n: int) -> list[int]:
    """The row with the largest potential, n times; the lowest of equal ones."""
    goals, open_rows = objectives(batch, config), np.ones(len(batch), bool)
    picks: list[int] = []
    while len(picks) < n:
        with np.errstate(divide="ignore"):
            potential = sum(np.log(goal.values()) for goal in goals)
        best = int(np.argmax(np.where(open_rows, potential, -np.inf)))
        open_rows[best] = False
        picks.append(best)
        for goal in goals:
            goal.add(best)
    return picks


def reached(batch: Batch, config: Sequence[str], picks: Sequence[int]) -> np.ndarray:
    """ln O of each strategy, for these picks."""
    goals = objectives(batch, config)
    for goal in goals:
        for row in picks:
            goal.add(row)
    return np.log([goal.now() for goal in goals])


def film(rows: int, dim: int, seed: int) -> Batch:
    """A film's rows, shuffled; scenes differ in class, and in weight."""
    random = np.random.default_rng(seed)
    made = scene_stream(rows, dim, seed)[random.permutation(rows)]
    directions = random.standard_normal((dim, 4))
    sides = made @ directions
    likely = np.exp(3 * sides[:, :3] + [2.0, 1.0, -1.0])
    likely /= likely.sum(axis=1, keepdims=True)
    chosen = (random.random((rows, 1)) > likely.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    counts = np.eye(3)[chosen] * random.poisson(1.5, (rows, 1))
    weights = np.exp(0.7 * sides[:, 3] + 0.3 * random.standard_normal(rows))
    columns = {
        "EMBEDDINGS": Vectors(made),
        "weights": Numbers(weights),
        "classes": Counts(counts, CLASSES),
        "typical": Numbers(typicality(made, NEIGHBOURS)),
    }
    return Batch(columns, rows)


@dataclass(frozen=True)
class Loss:
    """picks; potential lost to Greedy; each O as a share of Greedy's."""

    picks: int
    lost: float
    shares: np.ndarray

    @classmethod
    def of(cls, batch: Batch, config: Sequence[str], picks: Sequence[int], best: np.ndarray) -> Loss:
        off = best - reached(batch, config, picks)
        return cls(len(picks), float(off.sum()), np.exp(-off))


def losses(batch: Batch, config: Sequence[str], ratio: float, seed: int) -> tuple[Loss, Loss]:
    """OnePass's, and that of a choice by lot."""
    dim = batch["EMBEDDINGS"].rows.shape[1]
    driver = OnePass(dim, strategies(dim, config), target_ratio=ratio)
    picks = [row for row, decision in enumerate(driver.offer(batch)) if decision]
    best = reached(batch, config, greedy(batch, config, len(picks)))
    lot = np.random.default_rng(seed).choice(len(batch), len(picks), replace=False).tolist()
    return Loss.of(batch, config, picks, best), Loss.of(batch, config, lot, best)


def cost(config: Sequence[str], kept: int, dim: int) -> tuple[float, float]:
    """Milliseconds a row with so many picks, in blocks and one by one."""
    random = np.random.default_rng(0)

    def rows(number: int) -> Batch:
        made = random.standard_normal((number, dim)).astype(np.float32)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        counts = Counts(np.eye(3)[random.integers(0, 3, number)], CLASSES)
        weights = Numbers(random.random(number))
        return Batch({"EMBEDDINGS": Vectors(made), "weights": weights, "classes": counts}, number)

    driver = OnePass(dim, strategies(dim, config), target_ratio=0.05)
    if driver.diversity and driver.rate:
        driver.diversity.restore({"picks": rows(kept)["EMBEDDINGS"].rows})
        for _ in range(kept):
            driver.rate.add(looked=20)
    driver.offer(rows(64))
    many, few = rows(1024), rows(64)
    began = time.perf_counter()
    driver.offer(many)
    between = time.perf_counter()
    for place in range(len(few)):
        driver.offer(few.take([place]))
    ended = time.perf_counter()
    return (between - began) / len(many) * 1e3, (ended - between) / len(few) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=6_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.02, 0.1])
    parser.add_argument("--seeds", type=int, default=2, help="films; losses are means over them")
    arguments = parser.parse_args()
    print(machine())
    films = [film(arguments.rows, arguments.dim, seed) for seed in range(arguments.seeds)]
    print(f"{'config':28} ratio  picks   loss   random   O as shares of Greedy's (random's)")
    for config in CONFIGS:
        for ratio in arguments.ratios:
            found = [losses(batch, config, ratio, seed) for seed, batch in enumerate(films)]
            (own, lot) = ([pair[side] for pair in found] for side in (0, 1))
            shares, others = (np.mean([loss.shares for loss in side], axis=0) for side in (own, lot))
            told = "  ".join(f"{name} {a:.2f} ({b:.2f})" for name, a, b in zip(config, shares, others, strict=True))
            lost, by_lot = (np.mean([loss.lost for loss in side]) for side in (own, lot))
            picks = np.mean([loss.picks for loss in own])
            print(f"{' + '.join(config):28} {ratio:5.0%} {picks:6.0f} {lost:6.2f}   {by_lot:6.2f}   {told}", flush=True)
    print(f"{'config':28} ms a row in blocks, one by one, at 10,000 picks x 1,280")
    for config in CONFIGS:
        blocks, alone = cost(config, 10_000, 1280)
        print(f"{' + '.join(config):28} {blocks:6.2f}  {alone:6.2f}", flush=True)


if __name__ == "__main__":
    main()
