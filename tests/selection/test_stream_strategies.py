"""The laws of a strategy hold for every stream form, and each gain is what its definition says."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.selection import Strategy
from streamsel.selection.columns import Batch, Counts, Numbers, Vectors
from streamsel.selection.stream.balance import Balance
from streamsel.selection.stream.diversity import Diversity
from streamsel.selection.stream.lattice import BITS
from streamsel.selection.stream.object_diversity import ObjectDiversity
from streamsel.selection.stream.similarity import ObjectSimilarity, Similarity
from streamsel.selection.stream.sums import Sums
from streamsel.selection.stream.typicality import ObjectTypicality, Typicality
from streamsel.testing import check_strategy
from streamsel.testing.tables import varied_batch, varied_rows

DIM = 16
QUERIES = varied_rows(5, DIM, 7)
SHARES = {"car": 0.2, "bus": 0.5}

seeds = st.integers(0, 10**6)


def gaps(left: Vector, right: Vector) -> np.ndarray:
    wide = left.astype(np.float64)[:, None] - right.astype(np.float64)
    return np.sqrt(np.square(wide).sum(axis=2))


def entropy(target: np.ndarray, counts: np.ndarray) -> float:
    return max(1e-6, float(-(target * np.log(np.maximum(counts / counts.sum(), 1e-10))).sum()))


def diversity(offered: Batch, picked: Batch, row: Batch) -> float:
    return float(gaps(row["EMBEDDINGS"].rows, picked["EMBEDDINGS"].rows).min() ** 2)


def weights(offered: Batch, picked: Batch, row: Batch) -> float:
    return float(row["numbers"].values[0])


def similarity(offered: Batch, picked: Batch, row: Batch) -> float:
    learned = np.concatenate([offered["EMBEDDINGS"].rows, row["EMBEDDINGS"].rows])
    scale = gaps(learned, QUERIES).min(axis=1).mean()
    return math.exp(-gaps(row["EMBEDDINGS"].rows, QUERIES).min() / scale)


def rounded(vectors: Vector) -> np.ndarray:
    """As `lattice` says; it matters where all rows repeat each other nearly."""
    wide = vectors.astype(np.float64)
    units = np.exp2(np.floor(np.log2(np.linalg.norm(wide, axis=1, keepdims=True))) + 1 - BITS)
    return np.rint(wide / units) * units


def neighbours(vectors: Vector, earlier: Vector) -> np.ndarray:
    """Distances to the 3 nearest, (m, 0..3)."""
    return np.sort(gaps(rounded(vectors), rounded(earlier)), axis=1)[:, :3]


def mean_decayed(own: np.ndarray, learned: list[np.ndarray]) -> float:
    scale = np.concatenate([*learned, own]).mean() if len(own) else 0.0
    return float(np.exp(-own / scale).mean()) if scale else 1.0


def typicality(offered: Batch, picked: Batch, row: Batch) -> float:
    rows = offered["EMBEDDINGS"].rows
    learned = [neighbours(rows[i : i + 1], rows[:i]).ravel() for i in range(len(rows))]
    own = neighbours(row["EMBEDDINGS"].rows, rows).ravel()
    return mean_decayed(own, learned)


def object_diversity(offered: Batch, picked: Batch, row: Batch) -> float:
    own, others = row["objects"].rows, picked["objects"].rows
    if not len(own):
        return 0.0
    squares = gaps(own, others).min(axis=1) ** 2 if len(others) else np.square(own.astype(np.float64)).sum(axis=1)
    return float(squares.mean())


def object_similarity(offered: Batch, picked: Batch, row: Batch) -> float:
    own = row["objects"].rows
    if not len(own):
        return 0.0
    scale = gaps(np.concatenate([offered["objects"].rows, own]), QUERIES).min(axis=1).mean()
    return float(np.exp(-gaps(own, QUERIES).min(axis=1) / scale).max())


def object_typicality(offered: Batch, picked: Batch, row: Batch) -> float:
    objects, own = offered["objects"], row["objects"].rows
    if not len(own):
        return 0.0
    ends = [0, *objects.ends.tolist()]
    learned = [neighbours(objects.of(i), objects.rows[: ends[i]]).ravel() for i in range(len(objects))]
    return mean_decayed(neighbours(own, objects.rows).ravel(), learned)


def balance(target: Callable[[np.ndarray], np.ndarray], fold: bool) -> Callable[[Batch, Batch, Batch], float]:
    def worth(offered: Batch, picked: Batch, row: Batch) -> float:
        def of(batch: Batch) -> np.ndarray:
            counts = batch["counts"].values
            return np.stack([counts[:, 0], counts[:, 1], counts[:, 2:].sum(axis=1)], axis=1) if fold else counts

        before, own = of(picked).sum(axis=0), of(row)[0]
        if not own.any() or not before.any():
            return 0.0
        shares = target(of(offered).sum(axis=0) + own)
        return (len(picked) + 1) * (math.log(entropy(shares, before)) - math.log(entropy(shares, before + own)))

    return worth


KINDS: dict[str, tuple[Callable[[], Strategy], Callable[[Batch, Batch, Batch], float]]] = {
    "diversity": (lambda: Diversity(DIM), diversity),
    "weights": (lambda: Sums("numbers", "WEIGHTS numbers"), weights),
    "similarity": (lambda: Similarity(QUERIES), similarity),
    "typicality": (lambda: Typicality(DIM, 3, memory=64), typicality),
    "object diversity": (lambda: ObjectDiversity(DIM, "objects"), object_diversity),
    "object similarity": (lambda: ObjectSimilarity(QUERIES, "objects"), object_similarity),
    "object typicality": (lambda: ObjectTypicality(DIM, 3, "objects", memory=128), object_typicality),
    "target": (lambda: Balance("counts", SHARES), balance(lambda _: np.array([0.2, 0.5, 0.3]), True)),
    "uniform": (
        lambda: Balance("counts", "UNIFORM", classes=("car", "bus", "tram", "bicycle")),
        balance(lambda _: np.full(4, 0.25), False),
    ),
    "uniform over the classes met": (
        lambda: Balance("counts", "UNIFORM"),
        balance(lambda met: (met > 0) / (met > 0).sum(), False),
    ),
    "input": (lambda: Balance("counts", "INPUT"), balance(lambda met: met / met.sum(), False)),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
@given(seed=seeds, number=st.integers(1, 30))
@settings(deadline=None, max_examples=8)
def test_the_laws_hold_and_gains_are_what_is_defined(kind: str, seed: int, number: int) -> None:
    make, worth = KINDS[kind]
    assert isinstance(make(), Strategy)
    check_strategy(make, varied_batch(number, DIM, seed), worth)


@pytest.mark.parametrize("kind", [Typicality, ObjectTypicality])
def test_the_laws_hold_when_the_memory_is_full(kind: type[Typicality]) -> None:
    column = "EMBEDDINGS" if kind is Typicality else "objects"
    check_strategy(lambda: kind(DIM, 3, column, memory=11), varied_batch(120, DIM))


def seen(strategy: Strategy, batch: Batch) -> Strategy:
    measured = strategy.measure(batch)
    for row in range(len(batch)):
        strategy.see(measured, row)
    return strategy


@pytest.mark.parametrize("kind", ["similarity", "typicality", "object similarity", "object typicality"])
def test_the_scale_is_frozen_once_learned(kind: str) -> None:
    strategy = seen(KINDS[kind][0](), varied_batch(2500, DIM))
    before = strategy.state()["scale"]
    far = varied_batch(40, DIM, 3)
    assert strategy.state()["scale"][0] == 1024
    assert seen(strategy, far).state()["scale"].tolist() == before.tolist()


def test_the_memory_stands_for_the_whole_stream() -> None:
    """What came long ago is as typical as what came last, where there was as much of it."""
    random = np.random.default_rng(0)
    centres = np.eye(DIM, dtype=np.float32)[:2]
    early, late = (centre + random.normal(0, 0.1, (3000, DIM)).astype(np.float32) for centre in centres)
    strategy = seen(Typicality(DIM, 5, memory=256), Batch({"EMBEDDINGS": Vectors(np.concatenate([early, late]))}, 6000))
    gains = strategy.gain(Batch({"EMBEDDINGS": Vectors(np.concatenate([early[:200], late[:200]]))}, 400))
    assert gains[:200].mean() == pytest.approx(gains[200:].mean(), rel=0.1)
    (outlier,) = strategy.gain(Batch({"EMBEDDINGS": Vectors(-3 * centres[:1])}, 1))
    assert outlier < 0.1 * gains.mean()


def test_a_memory_of_another_dimension_is_refused() -> None:
    state = seen(Typicality(3), Batch({"EMBEDDINGS": Vectors(np.eye(3, dtype=np.float32))}, 3)).state()
    with pytest.raises(StateError, match=r"3 rows were met, and the memory has shape \(3, 3\)"):
        Typicality(4).restore(state)


def counted(batches: list[Counts], strategy: Balance) -> list[float]:
    gains = []
    for counts in batches:
        batch = Batch({"counts": counts}, len(counts))
        measured = strategy.measure(batch)
        for row in range(len(counts)):
            gains.append(strategy.value(measured, row))
            strategy.see(measured, row)
            strategy.add(measured, row)
    return gains


@pytest.mark.parametrize("target", ["UNIFORM", "INPUT", {"b": 0.5, "z": 0.1}])
def test_classes_are_known_by_name_and_not_by_place(target: str | dict[str, float]) -> None:
    ones, twos = np.array([[1.0, 0], [2, 1]]), np.array([[3.0, 1], [0, 2]])
    apart = counted([Counts(ones, ("a", "b")), Counts(twos, ("z", "a"))], Balance("counts", target))
    table = np.array([[1.0, 0, 0], [2, 1, 0], [1, 0, 3], [2, 0, 0]])
    assert counted([Counts(table, ("a", "b", "z"))], Balance("counts", target)) == apart
    assert counted([Counts(table[:, ::-1], ("z", "b", "a"))], Balance("counts", target)) == apart


@given(st.lists(st.text(st.sampled_from("a\0 \ud800é\n")), min_size=2, max_size=5, unique=True))
def test_balance_keeps_classes_of_any_name(names: list[str]) -> None:
    strategy = Balance("counts", "INPUT")
    row = Counts(np.arange(1.0, len(names) + 1)[None], tuple(names))
    before = counted([row, row], strategy)
    again = Balance("counts", "INPUT").restore(strategy.state())
    assert again.state().keys() == strategy.state().keys()
    assert counted([row], again) == counted([row], strategy)
    assert len(before) == 2


def test_balance_keeps_no_more_of_a_long_name_than_the_name() -> None:
    names = [f"{number}" for number in range(299)] + ["x" * 60_000]
    strategy = Balance("counts", "INPUT")
    counted([Counts(np.ones((1, 300)), tuple(names))], strategy)
    assert sum(array.nbytes for array in strategy.state().values()) < 100_000


def test_a_rare_class_is_worth_more_than_a_common_one() -> None:
    strategy = Balance("counts", "UNIFORM", classes=("a", "b"))
    counted([Counts(np.array([[1.0, 0]] * 9 + [[0.0, 1]]), ("a", "b"))], strategy)
    common, rare, none = strategy.gain(Batch({"counts": Counts(np.array([[1.0, 0], [0, 1], [0, 0]]), ("a", "b"))}, 3))
    assert common < none == 0 < rare


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Diversity(0), "dim must be 1 or more, got 0"),
        (lambda: Typicality(0), "dim must be 1 or more, got 0"),
        (lambda: Typicality(4, 0), "num_nearest_neighbors must be 1 to 2048, got 0"),
        (lambda: Typicality(4, 9, memory=8), "num_nearest_neighbors must be 1 to 8, got 9"),
        (lambda: Similarity(np.empty((0, 4), np.float32)), r"queries must be \(Q, D\), one or more"),
        (lambda: Similarity(np.full((1, 4), np.nan, np.float32)), "row 0 holds NaN"),
        (lambda: Balance("c", "EQUAL"), "target must be shares by class, UNIFORM or INPUT, got 'EQUAL'"),
        (lambda: Balance("c", {"a": -0.1}), "target shares must be 0 or more"),
        (lambda: Balance("c", {"a": 0.0}), "not all 0"),
        (lambda: Balance("c", "UNIFORM", classes=()), "not all 0"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Strategy], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make()


def test_a_column_that_is_missing_or_of_another_kind_is_named() -> None:
    batch = Batch({"w": Numbers(np.zeros(2))}, 2)
    with pytest.raises(UsageError, match="reads Numbers from the column 'x', and these rows have no such column"):
        Sums("x").measure(batch)
    with pytest.raises(UsageError, match="reads Vectors from the column 'w', and these rows have Numbers there"):
        Diversity(3, "w").measure(batch)
