"""Objectives over objects, and TYPICALITY: the known engine's picks, alone and combined."""

from __future__ import annotations

from collections.abc import Callable

import lightly_mundig
import numpy as np
import pytest

from streamsel.errors import UsageError
from streamsel.selection.budget.diversity import Diversity
from streamsel.selection.budget.greedy import Goal, choose
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.budget.object_sums import ObjectSimilarity, ObjectTypicality
from streamsel.selection.budget.objects import ObjectDiversity
from streamsel.selection.budget.sums import Sum
from streamsel.selection.budget.typicality import Typicality
from streamsel.selection.columns import Objects, Vectors
from streamsel.selection.formulas import similarity, typicality

ROUNDING = 1e-4
"""The known engine computes in float32: its potentials are about this exact."""
N, K = 40, 5


class Table:
    """Seeded rows with 0 to 4 objects each (1 to 4 unless `empty`), their vectors, weights and queries."""

    def __init__(self, seed: int, *, empty: bool = True, spread: float = 0.3, dim: int = 6) -> None:
        dice = np.random.default_rng(seed)
        counts = dice.integers(0 if empty else 1, 5, N)
        self.ends = np.cumsum(counts)
        centres = dice.normal(size=(5, dim))
        self.rows = unit(centres[dice.integers(0, 5, N)] + spread * dice.normal(size=(N, dim)))
        crops = centres[dice.integers(0, 5, self.ends[-1])] + spread * dice.normal(size=(self.ends[-1], dim))
        self.objects = Objects(unit(crops), self.ends)
        self.parts = [list(range(end - count, end)) for end, count in zip(self.ends, counts, strict=True)]
        self.weights = (dice.random(N) + 0.1).astype(np.float32)
        self.queries = unit(dice.normal(size=(3, dim)))


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class BruteDiversity:
    """The objective over objects as its formula stands, anew each time."""

    def __init__(self, table: Table) -> None:
        self.table, self.picked = table, list[int]()

    def values(self) -> np.ndarray:
        if not self.picked:
            return np.array([float(bool(part)) for part in self.table.parts])
        rows = self.table.objects.rows.astype(np.float64)
        squares = np.square(rows[:, None] - rows[self.picked]).sum(axis=2)
        among = squares[self.picked].copy()
        np.fill_diagonal(among, np.inf)
        now = among.min(axis=1).sum() if len(self.picked) > 1 else 0
        near = squares.min(axis=1)
        return np.array([now + near[part].mean() if part else 0 for part in self.table.parts])

    def add(self, row: int) -> None:
        self.picked += self.table.parts[row]


class BruteSum:
    def __init__(self, table: Table, values: np.ndarray, judge: Callable) -> None:
        self.judged = np.array([judge(values[part]) if part else 0 for part in table.parts])
        self.counted, self.total = [values[part].sum() for part in table.parts], 0.0
        self.empty = np.array([not part for part in table.parts])

    def values(self) -> np.ndarray:
        return np.where(self.empty, 0, self.total + self.judged)

    def add(self, row: int) -> None:
        self.total += self.counted[row]


class BruteTotal:
    def __init__(self, values: np.ndarray) -> None:
        self.each, self.total = values.astype(np.float64), 0.0

    def values(self) -> np.ndarray:
        return self.total + self.each

    def add(self, row: int) -> None:
        self.total += self.each[row]


class Case:
    """One strategy in three forms: ours, brute force, the known engine's."""

    def __init__(self, ours: Callable, brute: Callable, known: Callable) -> None:
        self.ours, self.brute, self.known = ours, brute, known


CASES = {
    "diversity": Case(
        lambda t: ObjectDiversity(t.objects),
        BruteDiversity,
        lambda engine, t, s: engine.add_subpart_diversifying_strategy(t.objects.rows, t.parts, s),
    ),
    "similarity": Case(
        lambda t: ObjectSimilarity(t.objects, t.queries),
        lambda t: BruteSum(t, similarity(t.objects.rows, t.queries), max),
        lambda engine, t, s: engine.add_subpart_similarity_strategy(t.objects.rows, t.queries, t.parts, s),
    ),
    "typicality": Case(
        lambda t: ObjectTypicality(t.objects, K),
        lambda t: BruteSum(t, typicality(t.objects.rows, K), np.mean),
        lambda engine, t, s: engine.add_subpart_typicality_strategy(t.objects.rows, t.parts, s, K),
    ),
    "weights": Case(
        lambda t: Sum("WEIGHTS", t.weights.astype(np.float64)),
        lambda t: BruteTotal(t.weights),
        lambda engine, t, s: engine.add_weighting_strategy(t.weights, s),
    ),
    "row typicality": Case(
        lambda t: Typicality(typicality(t.rows, K)),
        lambda t: BruteTotal(typicality(t.rows, K)),
        lambda engine, t, s: engine.add_weighting_strategy(
            lightly_mundig.Typicality(t.rows).calculate_typicality(K), s
        ),
    ),
    "row similarity": Case(
        lambda t: Sum("SIMILARITY", similarity(t.rows, t.queries)),
        lambda t: BruteTotal(similarity(t.rows, t.queries)),
        lambda engine, t, s: engine.add_weighting_strategy(
            lightly_mundig.Similarity(t.rows).calculate_similarity(t.queries), s
        ),
    ),
}


def potentials(table: Table, goals: dict[str, float], order: list[int]) -> list[np.ndarray]:
    """Those of all rows before each pick, by brute force; NaN where a row is picked or it is not defined."""
    parts = [(strength, CASES[name].brute(table)) for name, strength in goals.items()]
    told, taken = [], np.zeros(N, bool)
    for row in order:
        with np.errstate(divide="ignore", invalid="ignore"):
            now = sum(strength * np.log(part.values()) for strength, part in parts)
        told.append(np.where(taken | ~np.isfinite(now), np.nan, now))
        taken[row] = True
        for _, part in parts:
            part.add(row)
    return told


def assert_best(table: Table, goals: dict[str, float], order: list[int], within: float) -> None:
    """Each pick has the largest potential that there is; rows without one come when all others are gone."""
    for place, (row, now) in enumerate(zip(order, potentials(table, goals, order), strict=True)):
        if np.isfinite(now).any():
            assert now[row] >= np.nanmax(now) - within, f"pick {place}, row {row}: {now[row]}, best {np.nanmax(now)}"


def ours(table: Table, goals: dict[str, float], n: int) -> list[int]:
    made = [Goal(CASES[name].ours(table), strength) for name, strength in goals.items()]
    return list(choose(made, n, open_rows=np.ones(N, bool)).order)


def known(table: Table, goals: dict[str, float], n: int) -> list[int]:
    engine = lightly_mundig.Selection()
    for name, strength in goals.items():
        CASES[name].known(engine, table, strength)
    return list(engine.run_selection([], N, n))


COMBINED = [
    *({name: 1.0} for name in CASES),
    {"diversity": 1.0, "weights": 1.0},
    {"diversity": 2.0, "typicality": 0.5},
    {"diversity": 1.0, "similarity": 1.0, "weights": 0.3},
    {"similarity": 1.0, "typicality": 1.0},
    {"row typicality": 1.0, "row similarity": 2.0, "diversity": 1.0},
]


@pytest.mark.parametrize("goals", COMBINED, ids=lambda goals: " + ".join(goals))
@pytest.mark.parametrize("spread", [0.1, 0.6])
def test_the_known_engine_picks_the_same_or_ties(goals, spread):
    for seed in range(20):
        table = Table(seed, spread=spread)
        mine, theirs = ours(table, goals, 25), known(table, goals, 25)
        assert_best(table, goals, mine, 1e-9)
        if mine != theirs:
            assert_best(table, goals, theirs, ROUNDING)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("strength", [-1.0, -0.5])
def test_negative_strengths_too(name, strength):
    for seed in range(10):
        table = Table(seed, empty=False)
        goals = {name: strength, "row similarity" if name == "weights" else "weights": 1.0}
        mine, theirs = ours(table, goals, 25), known(table, goals, 25)
        assert_best(table, goals, mine, 1e-9)
        if mine != theirs:
            assert_best(table, goals, theirs, ROUNDING)


def test_rows_without_objects_come_last_in_order():
    table = Table(3)
    empty = [row for row, part in enumerate(table.parts) if not part]
    for name in ("diversity", "similarity", "typicality"):
        assert ours(table, {name: 1.0}, N)[-len(empty) :] == empty
    nothing = Objects(np.zeros((0, 4), np.float32), np.zeros(3, np.int64))
    assert choose([Goal(ObjectDiversity(nothing))], 3, open_rows=np.ones(3, bool)).order == (0, 1, 2)


@pytest.mark.parametrize("distance", [0.05, 0.3, 0.5, 0.9])
def test_a_minimum_distance_ends_the_run_where_the_known_engine_ends(distance):
    for seed in range(10):
        table = Table(seed)
        engine = lightly_mundig.Selection()
        engine.add_subpart_diversifying_strategy(table.objects.rows, table.parts, 1.0, distance)
        goal = Goal(ObjectDiversity(table.objects, stopping_condition_minimum_distance=distance))
        choice = choose([goal], N, open_rows=np.ones(N, bool))
        assert list(choice.order) == list(engine.run_selection([], N, N))
        assert len(choice.order) == N or "below stopping_condition_minimum_distance" in choice.ended


@pytest.mark.parametrize("minimum", [0.2, 0.35, 0.45])
def test_a_minimum_typicality_ends_the_run_where_the_known_engine_ends(minimum):
    for seed in range(10):
        table = Table(seed)
        engine = lightly_mundig.Selection()
        engine.add_subpart_typicality_strategy(table.objects.rows, table.parts, 1.0, K, minimum)
        goal = Goal(ObjectTypicality(table.objects, K, stopping_condition_minimum_typicality=minimum))
        choice = choose([goal], N, open_rows=np.ones(N, bool))
        assert list(choice.order) == list(engine.run_selection([], N, N))
        assert len(choice.order) == N or "below stopping_condition_minimum_typicality" in choice.ended


def test_a_minimum_typicality_of_rows_ends_the_run_too():
    values = np.array([0.2, 0.9, 0.5, 0.4])
    choice = choose(
        [Goal(Typicality(values, stopping_condition_minimum_typicality=0.45))], 4, open_rows=np.ones(4, bool)
    )
    assert choice.order == (1, 2)
    assert "typicality of 0.4, below stopping_condition_minimum_typicality 0.45" in choice.ended


def test_earlier_picks_count_as_in_the_known_engine():
    for seed in range(20):
        table = Table(seed)
        before = [5, 6, 2]
        engine = lightly_mundig.Selection()
        engine.add_subpart_diversifying_strategy(table.objects.rows, table.parts, 1.0)
        engine.add_subpart_similarity_strategy(table.objects.rows, table.queries, table.parts, 1.0)
        made = [Goal(ObjectDiversity(table.objects)), Goal(ObjectSimilarity(table.objects, table.queries))]
        open_rows = np.ones(N, bool)
        open_rows[before] = False
        for goal in made:
            for row in before:
                goal.objective.add(row)
        picked = choose(made, 20, open_rows=open_rows).order
        theirs = list(engine.run_selection(before, N, 23))
        mine = [*before, *picked]
        goals = {"diversity": 1.0, "similarity": 1.0}
        assert_best_after(table, goals, mine, len(before), 1e-9)
        if mine != theirs:
            assert_best_after(table, goals, theirs, len(before), ROUNDING)


def assert_best_after(table: Table, goals: dict[str, float], order: list[int], start: int, within: float) -> None:
    told = potentials(table, goals, order)
    for row, now in list(zip(order, told, strict=True))[start:]:
        assert not np.isfinite(now).any() or now[row] >= np.nanmax(now) - within


def test_one_object_a_row_is_the_diversity_of_rows():
    table = Table(0)
    single = Objects(table.rows, np.arange(1, N + 1))
    weights = Sum("WEIGHTS", table.weights.astype(np.float64))
    again = Sum("WEIGHTS", table.weights.astype(np.float64))
    everything = np.ones(N, bool)
    objects = choose([Goal(ObjectDiversity(single)), Goal(weights)], N, open_rows=everything)
    rows = choose([Goal(Diversity(Nearest(Vectors(table.rows)))), Goal(again)], N, open_rows=everything)
    assert objects.order == rows.order


def test_values_are_bounds_until_settled_and_then_exact():
    table = Table(1)
    made, brute = ObjectDiversity(table.objects), BruteDiversity(table)
    for row in ours(table, {"diversity": 1.0}, 12):
        made.add(row)
        brute.add(row)
        assert (made.values() >= brute.values() - 1e-12).all()
        some = np.arange(0, N, 2)
        made.settle(some)
        np.testing.assert_allclose(made.values()[some], brute.values()[some], atol=1e-12)


@pytest.mark.parametrize("wrong", [-0.1, float("nan")])
def test_stopping_conditions_below_zero_are_refused(wrong):
    table = Table(0)
    with pytest.raises(UsageError, match="must be 0 or more"):
        ObjectDiversity(table.objects, stopping_condition_minimum_distance=wrong)
    with pytest.raises(UsageError, match="must be 0 or more"):
        ObjectTypicality(table.objects, K, stopping_condition_minimum_typicality=wrong)
    with pytest.raises(UsageError, match="must be 0 or more"):
        Typicality(np.ones(3), stopping_condition_minimum_typicality=wrong)
