"""What every strategy and every selector must do, whoever wrote it.

Both checks take the rows to try, so that a property test can look for rows that break them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Vector
from streamsel.selection import Selector, State, Strategy
from streamsel.selection.columns import Batch, Vectors
from streamsel.selection.rows import pair_distance
from streamsel.testing.tables import (
    as_batch,
    bad_batches,
    bad_tables,
    copied,
    same_batch,
    spoil,
    varied_batch,
    varied_rows,
)

__all__ = ["check_selector", "check_strategy", "varied_batch", "varied_rows"]

Worth = Callable[[Batch, Batch, Batch], float]
"""(rows offered, those picked among them, one more row) -> what it would add: as plainly as it can be written."""


def check_strategy(
    make: Callable[[], Strategy], rows: Vector | Batch | None = None, worth: Worth | None = None
) -> None:
    """Raises AssertionError with the law that the strategy breaks.

    make: gives a new, empty one each time, for rows like these (default: `varied_batch`). worth: see `Worth`.
    """
    batch = varied_batch(60) if rows is None else as_batch(rows)
    every = max(1, len(batch) // 12)
    for count in sorted({0, 1, len(batch) // 2, len(batch)}):
        strategy = _grown(make(), batch, range(count), every)
        _check_gain(strategy, batch)
        if worth and count:
            _check_worth(strategy, batch, count, every, worth)
        _check_measured(make, batch, count, every)
        _check_strategy_state(make, batch, count, every)
    _check_known(make(), make(), batch)
    trials = _bad_columns(make, _measure, batch)
    _check_refusals(lambda: _grown(make(), batch, range(len(batch)), every), _measure, trials)


def check_selector(
    make: Callable[[], Selector],
    rows: Vector | Batch | None = None,
    *,
    preselected: Vector | None = None,
    n: int | None = None,
    seed: int = 0,
) -> None:
    """Raises AssertionError with the law that the selector breaks.

    make: gives a new one each time, for rows like these (default: (150, 16) embeddings). preselected: (M, D) picks
    that it has from the start. n: picks to ask of a budget, a third of the rows unless given. seed: of the cuts and
    steps that are tried.
    """
    rows = varied_rows(150, 16) if rows is None else rows
    looked = np.random.default_rng(seed).integers(1, 6, len(rows)).tolist()
    n = max(1, len(rows) // 3) if n is None else n
    whole = _ended(selector := make(), _offered(selector, rows, looked, [len(rows)]), n)
    _check_decisions(_embeddings(rows), preselected, *whole)
    for cuts in (range(1, len(rows) + 1), _random_cuts(len(rows), seed)):
        again = _ended(selector := make(), _offered(selector, rows, looked, cuts), n)
        assert again == whole, "rows that come in other blocks are decided otherwise"
    _check_counts(make(), rows, looked)
    _check_snapshot(make, rows, looked, n, whole)
    if isinstance(rows, Batch):
        trials = _bad_columns(make, _offer, rows)
    else:
        trials = ((partial(np.copy, bad), said) for bad, said in bad_tables(rows))
    _check_refusals(make, _offer, trials)


Outcome = tuple[list[int], list[Decision]]
"""Positions of the picks in the order picked, and a decision on every row."""


def _grown(strategy: Strategy, batch: Batch, rows: Sequence[int], every: int) -> Strategy:
    """These rows are offered one by one, and every so many picked."""
    for row in rows:
        one = copied(batch.take([row]))
        measured = strategy.measure(one)
        strategy.see(measured, 0)
        if row % every == 0:
            strategy.add(measured, 0)
        spoil(one)
    return strategy


def _check_gain(strategy: Strategy, batch: Batch) -> None:
    kept, before = copied(batch), _copied(strategy.state())
    gains = strategy.gain(batch)
    assert gains.shape == (len(batch),), f"{len(batch)} rows must have {len(batch)} gains, got shape {gains.shape}"
    assert gains.dtype == np.float64, f"gains must be float64, got {gains.dtype}"
    assert not np.isnan(gains).any(), f"row {np.isnan(gains).argmax()} has no gain but NaN"
    assert _equal(strategy.state(), before), "gain changed the state"
    assert same_batch(batch, kept), "gain changed the rows"
    alone = [strategy.gain(batch.take([row])) for row in range(len(batch))]
    assert np.concatenate(alone).tobytes() == gains.tobytes(), "rows judged one by one have other gains"
    turned = strategy.gain(batch.take(np.arange(len(batch))[::-1]))
    assert turned[::-1].tobytes() == gains.tobytes(), "the order of the rows changes gains"
    assert strategy.gain(batch.take(np.arange(0))).shape == (0,), "no rows must have no gains"


def _check_worth(strategy: Strategy, batch: Batch, count: int, every: int, worth: Worth) -> None:
    offered, picked = batch.take(np.arange(count)), batch.take(np.arange(0, count, every))
    expected = [worth(offered, picked, batch.take([row])) for row in range(len(batch))]
    np.testing.assert_allclose(strategy.gain(batch), expected, rtol=1e-5, atol=1e-9, err_msg="not what is defined")


def _check_measured(make: Callable[[], Strategy], batch: Batch, count: int, every: int) -> None:
    """A measure stays true whatever comes after it."""
    strategy = _grown(make(), batch, range(count), every)
    early = strategy.measure(batch)
    _grown(strategy, batch, range(count, len(batch)), every)
    told = np.array([strategy.value(early, row) for row in range(len(batch))])
    assert told.tobytes() == strategy.gain(batch).tobytes(), "a measure of before gives other gains than one of now"


def _check_known(known: Strategy, added: Strategy, batch: Batch) -> None:
    known.know(batch)
    for row in range(len(batch)):
        added.add(added.measure(batch.take([row])), 0)
    assert known.gain(batch).tobytes() == added.gain(batch).tobytes(), "what is known is not as if it had been added"


def _check_strategy_state(make: Callable[[], Strategy], batch: Batch, count: int, every: int) -> None:
    """A snapshot taken after `count` rows leads to the same end, in a new object and in the old."""
    new, old = make(), _grown(make(), batch, range(count), every)
    state = old.state()
    kept = _copied(state)
    new.restore(_stored(state))
    rest = range(count, len(batch))
    expected = _grown(make(), batch, range(len(batch)), every).gain(batch).tobytes()
    assert _grown(old, batch, rest, every).gain(batch).tobytes() == expected, (
        "taking a snapshot, or changing a row after it was taken in, changed gains"
    )
    assert _grown(new, batch, rest, every).gain(batch).tobytes() == expected, "a restored snapshot goes on otherwise"
    assert _equal(state, kept), "a snapshot changed after it was taken"


def _offered(selector: Any, rows: Vector | Batch, looked: Sequence[int], cuts: Sequence[int]) -> list[Decision]:
    """Decisions on rows that come in blocks ending at these cuts, the last of which is the end."""
    kept, decisions, start = copied(as_batch(rows)), [], 0
    for stop in cuts:
        decisions += selector.offer(_part(rows, start, stop), looked[start:stop])
        start = stop
    assert same_batch(as_batch(rows), kept), "the rows were changed"
    assert len(decisions) in (0, len(rows)), f"{len(decisions)} decisions on {len(rows)} rows"
    return decisions


def _part(rows: Vector | Batch, start: int, stop: int) -> Vector | Batch:
    return rows.take(np.arange(start, stop)) if isinstance(rows, Batch) else rows[start:stop]


def _embeddings(rows: Vector | Batch) -> Vector | None:
    found = as_batch(rows).columns.get("EMBEDDINGS")
    return found.rows if isinstance(found, Vectors) else None


def _ended(selector: Selector, decisions: list[Decision], n: int) -> Outcome:
    picked, at_end = selector.finish(n)
    assert not (decisions and at_end), "decisions came in offer and in finish: it must be one of the two"
    return (picked, at_end) if at_end else ([i for i, decision in enumerate(decisions) if decision], decisions)


def _check_decisions(rows: Vector | None, before: Vector | None, picked: list[int], decisions: list[Decision]) -> None:
    """Every pick once, and told with the distance to the nearest earlier pick where rows have embeddings."""
    kept = [i for i, decision in enumerate(decisions) if decision]
    assert sorted(picked) == kept, f"the picks are {picked}, the decisions keep {kept}"
    if rows is None:
        return
    assert len(decisions) == len(rows), f"{len(decisions)} decisions on {len(rows)} rows"
    for place, row in enumerate(picked):
        earlier = rows[picked[:place]] if before is None else np.concatenate([before, rows[picked[:place]]])
        distance, nearest = _nearest(earlier, rows[row])
        told = decisions[row]
        assert (told.distance, told.nearest) == (distance, nearest), (
            f"pick {place}, row {row}, is told to be {told.distance} from pick {told.nearest}, "
            f"it is {distance} from pick {nearest}"
        )


def _nearest(picks: Vector, row: Vector) -> tuple[float, int]:
    if not len(picks):
        return np.inf, -1
    distances = pair_distance(picks, row[None])
    return float(distances.min()), int(distances.argmin())


def _check_counts(selector: Any, rows: Vector | Batch, looked: Sequence[int]) -> None:
    before = len(selector)
    decisions = selector.offer(rows, looked)
    assert selector.looked == sum(looked), f"{sum(looked)} rows were looked at, it says {selector.looked}"
    assert len(selector) == before + sum(map(bool, decisions)), "len must be the number of picks so far"


def _check_snapshot(
    make: Callable[[], Any], rows: Vector | Batch, looked: Sequence[int], n: int, whole: Outcome
) -> None:
    """run(A), snapshot, restore in a new object, run(B) is run(A + B). A budget's rows are offered to it anew."""
    half = len(rows) // 2
    old, new = make(), make()
    first = old.offer(_part(rows, 0, half), looked[:half])
    vectors, kept = _embeddings(rows), [i for i, decision in enumerate(first) if decision]
    picks = np.empty((len(kept), 0), np.float32) if vectors is None else vectors[kept].reshape(-1, vectors.shape[1])
    new.restore({**_stored(old.state()), "picks": picks})
    start = half if first else 0
    went_on = _ended(new, first + new.offer(_part(rows, start, len(rows)), looked[start:]), n)
    assert went_on == whole, "a restored snapshot goes on otherwise"
    went_on = _ended(old, first + old.offer(_part(rows, half, len(rows)), looked[half:]), n)
    assert went_on == whole, "taking a snapshot changed what came after"


Trial = tuple[Callable[[], Any], str]
"""What makes something bad to give to a strategy or selector, and what the error must name."""


def _measure(strategy: Any, bad: Batch) -> None:
    strategy.measure(bad)


def _offer(selector: Any, bad: Vector | Batch) -> None:
    selector.offer(bad)


def _bad_columns(make: Callable[[], Any], give: Callable[[Any, Any], None], batch: Batch) -> Iterator[Trial]:
    """Batches in which a column that is needed is bad or missing; at least one must be needed."""
    read = [name for name in batch.columns if _refusal(make(), give, partial(_without, batch, name))]
    assert read, "a batch without any of its columns must raise ValueError"
    for name in read:
        yield partial(_without, batch, name), repr(name)
        yield from bad_batches(batch, name)


def _without(batch: Batch, name: str) -> Batch:
    return Batch({other: column for other, column in batch.columns.items() if other != name}, len(batch))


def _check_refusals(make: Callable[[], Any], give: Callable[[Any, Any], None], trials: Iterable[Trial]) -> None:
    """What cannot be judged is refused as a whole, with the number of the row, the shape or the column."""
    for build, said in trials:
        judge = make()
        before = _copied(judge.state())
        message = _refusal(judge, give, build)
        assert message, f"rows with {said!r} must raise ValueError"
        assert said in message, f"the error must name {said!r}, it says: {message}"
        assert _equal(judge.state(), before), "a refused table changed the state"


def _refusal(judge: Any, give: Callable[[Any, Any], None], build: Callable[[], Any]) -> str:
    """What is said where the rows are refused, in the making or by who is given them; else nothing."""
    try:
        give(judge, build())
    except ValueError as error:
        return str(error)
    return ""


def _random_cuts(number: int, seed: int) -> list[int]:
    """Ends of blocks of any length, an empty one among them."""
    cuts = np.random.default_rng(seed).integers(0, number + 1, 5).tolist()
    return [*sorted([*cuts, cuts[0]]), number]


def _stored(state: State) -> dict[str, npt.NDArray[Any]]:
    """A state that was written to a file and read again."""
    file = io.BytesIO()
    named: dict[str, Any] = dict(state)
    np.savez(file, **named)
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _copied(state: State) -> dict[str, npt.NDArray[Any]]:
    return {name: np.array(array) for name, array in state.items()}


def _equal(left: State, right: State) -> bool:
    """Equal bit for bit."""
    return left.keys() == right.keys() and all(
        left[name].shape == right[name].shape and left[name].tobytes() == right[name].tobytes() for name in left
    )
