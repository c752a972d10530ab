"""OnePass with several strategies and hard constraints: laws, the ratio's bound, what wins, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.data import Decision
from streamsel.errors import UsageError
from streamsel.selection import State, Strategy
from streamsel.selection.columns import Batch, Counts, Numbers, Vectors
from streamsel.selection.quality import pairwise
from streamsel.selection.stream.balance import Balance
from streamsel.selection.stream.diversity import Diversity
from streamsel.selection.stream.object_diversity import ObjectDiversity
from streamsel.selection.stream.onepass import OnePass
from streamsel.selection.stream.rate import SETTLED, band
from streamsel.selection.stream.reading import column_of
from streamsel.selection.stream.similarity import ObjectSimilarity, Similarity
from streamsel.selection.stream.sums import Sums
from streamsel.selection.stream.typicality import ObjectTypicality, Typicality
from streamsel.testing import check_selector
from streamsel.testing.streams import scene_stream
from streamsel.testing.tables import varied_batch, varied_rows

DIM = 8
CLASSES = ("car", "bus", "tram", "bicycle")


class Named:
    """A constraint on the numbers: forbids those below `least`, demands those of `most` or more, `limit` in all."""

    name = "RANGE"

    def __init__(self, least: float = -9, most: float = 9, limit: int = 10**6) -> None:
        self.least, self.most, self.limit, self.kept = least, most, limit, 0

    def allows(self, batch: Batch, row: int) -> bool:
        return self.kept < self.limit and self._number(batch, row) >= self.least

    def must(self, batch: Batch, row: int) -> bool:
        return self._number(batch, row) >= self.most

    def _number(self, batch: Batch, row: int) -> float:
        return float(column_of(batch, "numbers", Numbers).values[row])

    def add(self, batch: Batch, row: int) -> None:
        self.kept += 1

    def state(self) -> State:
        return {"kept": np.array(self.kept)}

    def restore(self, state: State) -> object:
        self.kept = int(state["kept"])
        return self


def goals(*names: str) -> list[tuple[Strategy, float]]:
    made: dict[str, Callable[[], Strategy]] = {
        "diversity": lambda: Diversity(DIM),
        "weights": lambda: Sums("numbers"),
        "balance": lambda: Balance("counts", "UNIFORM", classes=CLASSES),
        "input": lambda: Balance("counts", "INPUT"),
        "similarity": lambda: Similarity(varied_rows(3, DIM, 5)),
        "typicality": lambda: Typicality(DIM, 3, memory=40),
        "object diversity": lambda: ObjectDiversity(DIM, "objects"),
        "object similarity": lambda: ObjectSimilarity(varied_rows(3, DIM, 5), "objects"),
        "object typicality": lambda: ObjectTypicality(DIM, 3, "objects", memory=40),
    }
    return [(made[name.removeprefix("-")](), -0.5 if name.startswith("-") else 1.5) for name in names]


DRIVERS: dict[str, Callable[[], OnePass]] = {
    "diversity + weights": lambda: OnePass(DIM, goals("diversity", "weights"), target_ratio=0.2),
    "diversity + balance": lambda: OnePass(DIM, goals("diversity", "balance"), target_ratio=0.1),
    "typicality + diversity": lambda: OnePass(DIM, goals("typicality", "diversity"), target_ratio=0.2),
    "negative": lambda: OnePass(DIM, goals("-diversity", "-typicality", "input"), target_ratio=0.3),
    "weights, no distance": lambda: OnePass(None, goals("weights"), target_ratio=0.2),
    "weights, and distances told": lambda: OnePass(DIM, goals("weights", "similarity"), target_ratio=0.2),
    "objects": lambda: OnePass(
        None, goals("object diversity", "object similarity", "object typicality"), target_ratio=0.2
    ),
    "objects and frames": lambda: OnePass(DIM, goals("object diversity", "diversity", "weights"), target_ratio=0.2),
    "filter beside": lambda: OnePass(
        DIM, goals("diversity", "weights"), min_distance=0.5, target_ratio=0.2, constraints=[Named(-1, 1)]
    ),
    "constraints beside a distance": lambda: OnePass(DIM, min_distance=0.3, constraints=[Named(-0.5, 1, limit=9)]),
    "constraints alone": lambda: OnePass(DIM, [], constraints=[Named(0.4)]),
    "constraints, no distance": lambda: OnePass(None, [], constraints=[Named(0.4)]),
}


def rows_for(make: Callable[[], OnePass], number: int, seed: int = 0) -> Batch:
    """Without embeddings where the driver tells no distances."""
    batch = varied_batch(number, DIM, seed)
    if make().diversity:
        return batch
    return Batch({name: column for name, column in batch.columns.items() if name != "EMBEDDINGS"}, number)


@pytest.mark.parametrize("name", DRIVERS)
@given(seed=st.integers(0, 10**6), number=st.integers(2, 60))
@settings(deadline=None, max_examples=5)
def test_the_laws_of_a_selector_hold(name: str, seed: int, number: int) -> None:
    check_selector(DRIVERS[name], rows_for(DRIVERS[name], number, seed), seed=seed)


@pytest.mark.parametrize("name", ["diversity + weights", "typicality + diversity", "objects and frames"])
def test_the_laws_of_a_selector_hold_over_many_blocks(name: str) -> None:
    check_selector(DRIVERS[name], varied_batch(300, DIM))


@pytest.mark.parametrize("name", DRIVERS)
def test_a_peek_tells_the_next_decision_and_changes_nothing(name: str) -> None:
    selector, batch = DRIVERS[name](), varied_batch(120, DIM, 3)
    for row in range(len(batch)):
        before = {key: array.tobytes() for key, array in selector.state().items()}
        (told,) = selector.peek(batch.take([row]))
        assert {key: array.tobytes() for key, array in selector.state().items()} == before
        assert selector.offer(batch.take([row])) == [told]


def film(rows: int, seed: int = 0) -> Batch:
    """A film whose weights and classes come in stretches."""
    random = np.random.default_rng(seed)
    weights = np.repeat(random.pareto(1.5, rows // 50 + 1), 50)[:rows] * random.random(rows)
    counts = np.eye(4)[np.repeat(random.choice(4, rows // 90 + 1, p=[0.7, 0.2, 0.08, 0.02]), 90)[:rows]]
    columns = {
        "EMBEDDINGS": Vectors(scene_stream(rows, DIM, seed)),
        "numbers": Numbers(weights),
        "counts": Counts(counts * random.integers(0, 3, (rows, 1)), CLASSES),
    }
    return Batch(columns, rows)


def picked(decisions: Sequence[Decision]) -> list[int]:
    return [i for i, decision in enumerate(decisions) if decision]


def worst_excess(picks: Sequence[int], frames: int, ratio: float) -> float:
    times = range(SETTLED, frames + 1)
    kept = np.searchsorted(np.asarray(picks), np.array(times))
    return max(abs(n - ratio * t) / band(ratio, t) for t, n in zip(times, kept, strict=True))


@pytest.mark.parametrize("ratio", [0.01, 0.05, 0.3])
@pytest.mark.parametrize(
    "names",
    [
        ("weights",),
        ("diversity", "weights"),
        ("diversity", "weights", "balance"),
        ("typicality", "diversity"),
        ("-typicality", "-weights", "input"),
    ],
)
def test_a_ratio_is_kept_whatever_the_goals(names: tuple[str, ...], ratio: float) -> None:
    batch = film(3000)
    decisions = OnePass(DIM, goals(*names), target_ratio=ratio).offer(batch)
    assert {decision.reason for decision in decisions} == {"first", "ratio"}
    assert worst_excess(picked(decisions), 3000, ratio) <= 1 + 1e-9


@pytest.mark.parametrize("numbers", [np.zeros(3000), np.full(3000, -7.0), np.arange(3000.0), -np.arange(3000.0)])
def test_a_ratio_is_kept_where_gains_tell_nothing_or_never_stop_rising(numbers: np.ndarray) -> None:
    picks = picked(OnePass(None, [(Sums("w"), 1.0)], target_ratio=0.05).offer(Batch({"w": Numbers(numbers)}, 3000)))
    assert worst_excess(picks, 3000, 0.05) <= 1 + 1e-9


def shuffled(batch: Batch) -> Batch:
    return batch.take(np.random.default_rng(1).permutation(len(batch)))


@pytest.mark.parametrize("strength", [1.0, -1.0])
def test_weights_alone_keep_the_largest_or_the_smallest(strength: float) -> None:
    numbers = np.random.default_rng(0).standard_normal(10_000)
    batch = Batch({"w": Numbers(numbers)}, len(numbers))
    kept = numbers[picked(OnePass(None, [(Sums("w"), strength)], target_ratio=0.05).offer(batch))]
    best = np.sort(strength * numbers)[-len(kept) :].mean()
    assert strength * kept.mean() > 0.9 * best


def test_balance_brings_the_shares_near_to_their_target() -> None:
    batch = shuffled(film(6000))
    counts = batch["counts"].values

    def rarest(names: Sequence[str]) -> float:
        kept = picked(OnePass(DIM, goals(*names), target_ratio=0.02).offer(batch))
        shares = counts[kept].sum(axis=0)
        return float(shares.min() / shares.sum())

    assert rarest(["diversity", "balance"]) > 0.15 > 2 * counts.sum(axis=0).min() / counts.sum()


@pytest.mark.parametrize("name", ["weights", "balance", "similarity"])
def test_no_unit_matters_and_each_strategy_is_told_with_its_share(name: str) -> None:
    batch = film(500)
    scaled = Batch({**batch.columns, "numbers": Numbers(batch["numbers"].values * 1024)}, 500)
    one, other = (OnePass(DIM, goals("diversity", name), target_ratio=0.1).offer(rows) for rows in (batch, scaled))
    assert [decision.keep for decision in one] == [decision.keep for decision in other]
    assert one[0].gains == {}
    assert all(set(decision.gains) == {"DIVERSITY", name.upper()} for decision in one[1:])


def test_a_distance_is_a_filter_beside_other_goals() -> None:
    batch = film(3000)
    decisions = OnePass(DIM, goals("diversity", "weights"), min_distance=0.4, target_ratio=0.05).offer(batch)
    picks = batch["EMBEDDINGS"].rows[picked(decisions)]
    assert pairwise(picks).min >= 0.4 * (1 - 1e-7)
    assert {decision.reason for decision in decisions} == {"first", "ratio", "near"}
    assert all(decision.reason == "near" for decision in decisions if decision.distance < 0.4)


def test_constraints_forbid_and_demand() -> None:
    batch = Batch(
        {
            "numbers": Numbers(np.array([-1.0, 0, 0, 5, -1])),
            "EMBEDDINGS": Vectors(np.eye(5, DIM, dtype=np.float32)[[0, 1, 1, 1, 2]]),
        },
        5,
    )
    selector = OnePass(DIM, min_distance=0.5, constraints=[Named(0, 5)])
    told = [(decision.keep, decision.reason) for decision in selector.offer(batch)]
    assert told == [
        (False, "constraint RANGE"),
        (True, "first"),
        (False, "near"),
        (True, "constraint RANGE"),
        (False, "constraint RANGE"),
    ]


def test_what_is_forbidden_counts_as_looked_at_and_is_made_up_for() -> None:
    numbers = np.where(np.arange(4000) // 100 % 2, -1.0, 0.5)
    batch = Batch({**film(4000).columns, "numbers": Numbers(numbers)}, 4000)
    selector = OnePass(DIM, goals("diversity"), target_ratio=0.02, constraints=[Named(0)])
    picks = picked(selector.offer(batch))
    assert selector.looked == 4000
    assert (numbers[picks] > 0).all()
    assert abs(len(picks) - 80) <= band(0.02, 4000)


def test_a_row_that_is_added_was_looked_at_or_not() -> None:
    batch = film(40)
    selector = OnePass(DIM, goals("diversity", "weights", "input"), target_ratio=0.5)
    assert [selector.add(batch.take([0])), selector.add(batch.take([1]), looked=0)] == [0, 1]
    assert (len(selector), selector.looked) == (2, 1)
    with pytest.raises(UsageError, match="add takes one row, got 2"):
        selector.add(batch.take([0, 1]))
    assert selector.finish(3) == ([], [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"strategies": goals("weights")},
            "WEIGHTS: says which rows are better, not how many to keep, so give target_r",
        ),
        ({"strategies": goals("diversity", "weights"), "min_distance": 0.5}, "DIVERSITY, WEIGHTS: says which rows"),
        ({"strategies": goals("-diversity"), "min_distance": 0.5}, "DIVERSITY: says which rows"),
        ({"strategies": []}, "give either min_distance or target_ratio"),
        ({"strategies": goals("diversity"), "constraints": [Named()]}, "give either min_distance or target_ratio"),
        ({"strategies": [], "target_ratio": 0.1}, "target_ratio needs a strategy"),
        (
            {"strategies": goals("weights"), "target_ratio": 0.1, "min_distance": 1},
            "min_distance needs rows with EMBED",
        ),
        ({"strategies": goals("weights"), "target_ratio": 0.0}, "target_ratio must be above 0"),
        (
            {"dim": 4, "strategies": goals("diversity"), "min_distance": 1},
            "EMBEDDINGS have 4 numbers, and DIVERSITY is",
        ),
        ({"strategies": [(Sums("w"), float("nan"))], "target_ratio": 0.1}, "WEIGHTS: strength must be a finite number"),
    ],
)
def test_goals_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        OnePass(**options)


def test_embeddings_alone_are_not_enough_for_other_strategies() -> None:
    with pytest.raises(UsageError, match="reads Numbers from the column 'numbers'"):
        OnePass(DIM, goals("diversity", "weights"), target_ratio=0.1).offer(varied_rows(3, DIM))
    with pytest.raises(UsageError, match="rows must be a Batch"):
        OnePass(None, goals("weights"), target_ratio=0.1).offer(varied_rows(3, DIM))
