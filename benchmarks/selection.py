"""Speed of choosing from a table, beside lightly-mundig: `python benchmarks/selection.py [CASE...]`.

Both engines get the same rows, in turn, each in a process of its own; printed are the seconds from the table in
memory to the picks, their ratio (the median over the pairs), and the peak memory of each process. Tables: `clustered`
rows lie as embeddings of videos do (scenes of very different length and spread, few strong directions), `random` ones
are uniform on the sphere, where nothing can be left out easily. mundig adds up in float32: where its picks are
others than ours, the potentials tie within that (`--replay` computes by how much).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from measured import machine

if TYPE_CHECKING:
    from streamsel.selection.budget.greedy import Goal

Table = dict[str, np.ndarray]


def clustered(rows: int, dim: int) -> np.ndarray:
    """Scenes with lengths of a power law; directions of falling strength, in scenes as between them."""
    dice = np.random.default_rng(0)
    strength = (1 + np.arange(dim, dtype=np.float32)) ** -0.5
    centres = dice.standard_normal((max(20, rows // 500), dim), dtype=np.float32) * strength
    lengths = dice.pareto(1.2, len(centres)) + 0.1
    scene = np.repeat(np.arange(len(centres)), dice.multinomial(rows, lengths / lengths.sum()))
    spread = dice.lognormal(-1.2, 0.6, len(centres)).astype(np.float32)[scene, None]
    made = dice.standard_normal((rows, dim), dtype=np.float32)
    shuffled = dice.permutation(rows)
    for start in range(0, rows, 10_000):
        some = shuffled[start : start + 10_000]
        made[start : start + 10_000] *= spread[some] * strength
        made[start : start + 10_000] += centres[scene[some]]
    return unit(made)


def uniform(rows: int, dim: int) -> np.ndarray:
    return unit(np.random.default_rng(0).standard_normal((rows, dim), dtype=np.float32))


def unit(rows: np.ndarray) -> np.ndarray:
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def with_goals(vectors: np.ndarray) -> Table:
    """The vectors, a weight per row, and how many objects of ten classes it holds."""
    dice = np.random.default_rng(1)
    objects = dice.poisson(0.5 ** np.arange(10), (len(vectors), 10)).astype(np.float32)
    return {"vectors": vectors, "weights": dice.random(len(vectors), dtype=np.float32), "objects": objects}


def goals_of(table: Table) -> list[Goal]:
    from streamsel.selection.budget.balance import Balance, target_shares
    from streamsel.selection.budget.diversity import Diversity
    from streamsel.selection.budget.greedy import Goal
    from streamsel.selection.budget.nearest import Nearest
    from streamsel.selection.budget.sums import Sum
    from streamsel.selection.columns import Counts, Vectors

    goals = [Goal(Diversity(Nearest(Vectors(table["vectors"]))))]
    if "weights" in table:
        goals.append(Goal(Sum("WEIGHTS", table["weights"].astype(np.float64))))
    if "objects" in table:
        counts = Counts(table["objects"].astype(np.float64), tuple("abcdefghij"))
        goals.append(Goal(Balance("BALANCE", *target_shares("UNIFORM", None, counts))))
    return goals


def ours(table: Table, n: int) -> list[int]:
    from streamsel.selection.budget.greedy import choose

    return list(choose(goals_of(table), n, open_rows=np.ones(len(table["vectors"]), bool)).order)


def loss(table: Table, order: list[int]) -> float:
    """By how much, at most, the potential of a pick was below that of the best row at its turn; exact, and slow."""
    goals, most, every = goals_of(table), 0.0, np.arange(len(table["vectors"]))
    for place, row in enumerate(order):
        for goal in goals:
            goal.objective.settle(every)
        potential = sum(goal.strength * np.log(np.maximum(goal.objective.values(), 1e-300)) for goal in goals)
        potential[order[:place]] = -np.inf
        most = max(most, float(potential.max() - potential[row]))
        for goal in goals:
            goal.objective.add(row)
    return most


def mundig(table: Table, n: int) -> list[int]:
    import lightly_mundig

    engine = lightly_mundig.Selection()
    engine.add_diversifying_strategy(table["vectors"], 1.0)
    if "weights" in table:
        engine.add_weighting_strategy(table["weights"], 1.0)
    if "objects" in table:
        engine.add_balancing_strategy(table["objects"], np.full(10, 0.1, np.float32), 1.0)
    return list(engine.run_selection([], len(table["vectors"]), n))


@dataclass(frozen=True)
class Case:
    """What is timed. table: made before the clock starts. engines: ours first; the second is what it is compared with.

    wanted: how many times faster ours should be, where there is something to compare with.
    """

    table: Callable[[], Table]
    engines: dict[str, Callable[[Table], list[int]]]
    wanted: float = 0.0


def choosing(made: Callable[[int, int], np.ndarray], rows: int, dim: int, n: int, *, goals: bool = False) -> Table:
    return {"n": np.array(n), **(with_goals(made(rows, dim)) if goals else {"vectors": made(rows, dim)})}


def engine(run: Callable[[Table, int], list[int]]) -> Callable[[Table], list[int]]:
    return lambda table: run({key: value for key, value in table.items() if key != "n"}, int(table["n"]))


BOTH = {"streamsel": engine(ours), "mundig": engine(mundig)}
ALONE = {"streamsel": engine(ours)}
CASES = {
    "diversity-clustered": Case(lambda: choosing(clustered, 100_000, 512, 1000), BOTH, 5.0),
    "diversity-random": Case(lambda: choosing(uniform, 100_000, 512, 1000), BOTH, 2.5),
    "three-goals-clustered": Case(lambda: choosing(clustered, 100_000, 512, 1000, goals=True), BOTH, 3.0),
    "three-goals-random": Case(lambda: choosing(uniform, 100_000, 512, 1000, goals=True), BOTH, 3.0),
    "million-clustered": Case(lambda: choosing(clustered, 1_000_000, 256, 10_000), ALONE),
    "million-random": Case(lambda: choosing(uniform, 1_000_000, 256, 10_000), ALONE),
}


def once(case: str, name: str) -> None:
    """Run in this process, and say what it took as JSON."""
    table = CASES[case].table()
    began = time.perf_counter()
    picks = CASES[case].engines[name](table)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "picks": [int(pick) for pick in picks]}))


def timed(case: str, name: str) -> dict[str, float | list[int]]:
    done = subprocess.run([sys.executable, __file__, case, "--engine", name], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def compare(case: str, pairs: int, *, replay: bool) -> None:
    runs = [{name: timed(case, name) for name in CASES[case].engines} for _ in range(pairs)]
    for name in CASES[case].engines:
        seconds, peak = (median(run[name][key] for run in runs) for key in ("seconds", "peak"))
        print(f"{case:24} {name:10} {seconds:8.2f} s, peak {peak:6.0f} MB")
    if len(CASES[case].engines) > 1:
        ratios = sorted(run["mundig"]["seconds"] / run["streamsel"]["seconds"] for run in runs)
        same = len({*runs[0]["streamsel"]["picks"]} & {*runs[0]["mundig"]["picks"]})
        print(
            f"{case:24} {median(ratios):.1f} times as fast ({ratios[0]:.1f} to {ratios[-1]:.1f}; wanted "
            f"{CASES[case].wanted}); {same} of {len(runs[0]['mundig']['picks'])} picks the same",
            flush=True,
        )
    if replay:
        table = CASES[case].table()
        del table["n"]
        for name in CASES[case].engines:
            print(f"{case:24} {name:10} at most {loss(table, runs[0][name]['picks']):.1e} below the best potential")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument(
        "--replay", action="store_true", help="then tell how far picks are from the best; takes minutes"
    )
    parser.add_argument("--engine", help="run the case with this engine only, here, and print JSON")
    arguments = parser.parse_args()
    if arguments.engine:
        once(arguments.cases[0], arguments.engine)
        return
    print(machine())
    for case in arguments.cases:
        compare(case, arguments.pairs, replay=arguments.replay)


if __name__ == "__main__":
    main()
