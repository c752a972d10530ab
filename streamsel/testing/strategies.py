"""What every strategy and every selector must do, whoever wrote it.

Both checks take the rows to try, so that a property test can look for rows that break them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Vector
from streamsel.selection import Selector, State, Strategy
from streamsel.selection.rows import pair_distance

__all__ = ["check_selector", "check_strategy", "varied_rows"]

Worth = Callable[[Vector, Vector], float]
"""(picks (M, D), row (D,)) -> what the row would add to these picks: the definition, as plain as it can be written."""


def varied_rows(number: int, dim: int, seed: int = 0) -> Vector:
    """(number, dim) float32 of unit norm, in an order of their own: clumps, exact and nearly exact repetitions."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((1 + number // 8, dim))
    rows = centres[random.integers(len(centres), size=number)]
    rows += random.choice([0, 1e-7, 1e-3, 0.3], (number, 1)) * random.standard_normal((number, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def check_strategy(make: Callable[[], Strategy], rows: Vector | None = None, worth: Worth | None = None) -> None:
    """Raises AssertionError with the law that the strategy breaks.

    make: gives a new, empty one each time, for rows as long as these (default: 16 numbers). worth: see `Worth`.
    """
    rows = varied_rows(60, 16) if rows is None else rows
    picks = rows[:: max(1, len(rows) // 12)]
    for count in sorted({0, 1, len(picks) // 2, len(picks)}):
        _check_gain(_grown(make, picks[:count]), rows)
        if worth and count:
            _check_worth(_grown(make, picks[:count]), rows, picks[:count], worth)
        _check_strategy_state(make, rows, picks, count)
    _check_refusals(lambda: _grown(make, picks), lambda strategy, bad: strategy.gain(bad), rows)


def check_selector(
    make: Callable[[], Selector],
    rows: Vector | None = None,
    *,
    preselected: Vector | None = None,
    n: int | None = None,
    seed: int = 0,
) -> None:
    """Raises AssertionError with the law that the selector breaks.

    make: gives a new one each time, for rows as long as these (default: 16 numbers). preselected: (M, D) picks
    that it has from the start. n: picks to ask of a budget, a third of the rows unless given. seed: of the cuts and
    steps that are tried.
    """
    rows = varied_rows(150, 16) if rows is None else rows
    looked = np.random.default_rng(seed).integers(1, 6, len(rows)).tolist()
    n = max(1, len(rows) // 3) if n is None else n
    whole = _ended(selector := make(), _offered(selector, rows, looked, [len(rows)]), n)
    _check_decisions(rows, rows[:0] if preselected is None else preselected, *whole)
    for cuts in (range(1, len(rows) + 1), _random_cuts(len(rows), seed)):
        again = _ended(selector := make(), _offered(selector, rows, looked, cuts), n)
        assert again == whole, "rows that come in other blocks are decided otherwise"
    _check_counts(make(), rows, looked)
    _check_snapshot(make, rows, looked, n, whole)
    _check_refusals(make, lambda selector, bad: selector.offer(bad), rows)


Outcome = tuple[list[int], list[Decision]]
"""Positions of the picks in the order picked, and a decision on every row."""


def _grown(make: Callable[[], Strategy], picks: Vector) -> Strategy:
    strategy = make()
    for pick in picks:
        strategy.add(pick)
    return strategy


def _check_gain(strategy: Strategy, rows: Vector) -> None:
    kept, before = rows.copy(), _copied(strategy.state())
    gains = strategy.gain(rows)
    assert gains.shape == (len(rows),), f"{len(rows)} rows must have {len(rows)} gains, got shape {gains.shape}"
    assert gains.dtype == np.float64, f"gains must be float64, got {gains.dtype}"
    assert not np.isnan(gains).any(), f"row {np.isnan(gains).argmax()} has no gain but NaN"
    assert _equal(strategy.state(), before), "gain changed the state"
    assert np.array_equal(rows, kept), "gain changed the rows"
    alone = [strategy.gain(rows[i : i + 1]) for i in range(len(rows))]
    assert np.concatenate(alone).tobytes() == gains.tobytes(), "rows judged one by one have other gains"
    assert strategy.gain(rows[::-1])[::-1].tobytes() == gains.tobytes(), "the order of the rows changes gains"
    assert strategy.gain(rows[:0]).shape == (0,), "no rows must have no gains"


def _check_worth(strategy: Strategy, rows: Vector, picks: Vector, worth: Worth) -> None:
    expected = [worth(picks, row) for row in rows]
    np.testing.assert_allclose(strategy.gain(rows), expected, rtol=1e-9, atol=1e-12, err_msg="not what is defined")


def _check_strategy_state(make: Callable[[], Strategy], rows: Vector, picks: Vector, count: int) -> None:
    """A snapshot taken after `count` picks leads to the same end, in a new object and in the old."""
    new: Any = make()
    old = _grown(make, picks[:count])
    state = old.state()
    kept = _copied(state)
    new.restore(state)
    for pick in picks[count:]:
        new.add(pick.copy())
        scratch = pick.copy()
        old.add(scratch)
        scratch[:] = np.nan
    expected = _grown(make, picks).gain(rows).tobytes()
    assert old.gain(rows).tobytes() == expected, (
        "taking a snapshot, or changing a row after it was added, changed gains"
    )
    assert new.gain(rows).tobytes() == expected, "a restored snapshot goes on otherwise"
    assert _equal(state, kept), "a snapshot changed after it was taken"


def _offered(selector: Selector, rows: Vector, looked: Sequence[int], cuts: Sequence[int]) -> list[Decision]:
    """Decisions on rows that come in blocks ending at these cuts, the last of which is the end."""
    kept, decisions, start = rows.copy(), [], 0
    for stop in cuts:
        decisions += selector.offer(rows[start:stop], looked[start:stop])
        start = stop
    assert np.array_equal(rows, kept), "the rows were changed"
    assert len(decisions) in (0, len(rows)), f"{len(decisions)} decisions on {len(rows)} rows"
    return decisions


def _ended(selector: Selector, decisions: list[Decision], n: int) -> Outcome:
    picked, at_end = selector.finish(n)
    assert not (decisions and at_end), "decisions came in offer and in finish: it must be one of the two"
    return (picked, at_end) if at_end else ([i for i, decision in enumerate(decisions) if decision], decisions)


def _check_decisions(rows: Vector, before: Vector, picked: list[int], decisions: list[Decision]) -> None:
    """Every pick once, and told with the distance to the nearest earlier pick."""
    assert len(decisions) == len(rows), f"{len(decisions)} decisions on {len(rows)} rows"
    kept = [i for i, decision in enumerate(decisions) if decision]
    assert sorted(picked) == kept, f"the picks are {picked}, the decisions keep {kept}"
    for place, row in enumerate(picked):
        distance, nearest = _nearest(np.concatenate([before, rows[picked[:place]]]), rows[row])
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


def _check_counts(selector: Selector, rows: Vector, looked: Sequence[int]) -> None:
    before = len(selector)
    decisions = selector.offer(rows, looked)
    assert selector.looked == sum(looked), f"{sum(looked)} rows were looked at, it says {selector.looked}"
    assert len(selector) == before + sum(map(bool, decisions)), "len must be the number of picks so far"


def _check_snapshot(make: Callable[[], Selector], rows: Vector, looked: Sequence[int], n: int, whole: Outcome) -> None:
    """run(A), snapshot, restore in a new object, run(B) is run(A + B). A budget's rows are offered to it anew."""
    half = len(rows) // 2
    old, new = make(), make()
    first = old.offer(rows[:half], looked[:half])
    new.restore(
        {**old.state(), "picks": rows[[i for i, decision in enumerate(first) if decision]].reshape(-1, rows.shape[1])}
    )
    start = half if first else 0
    went_on = _ended(new, first + new.offer(rows[start:], looked[start:]), n)
    assert went_on == whole, "a restored snapshot goes on otherwise"
    went_on = _ended(old, first + old.offer(rows[half:], looked[half:]), n)
    assert went_on == whole, "taking a snapshot changed what came after"


def _check_refusals(make: Callable[[], Any], give: Callable[[Any, Vector], Any], rows: Vector) -> None:
    """What cannot be judged is refused as a whole, with the number of the row."""
    for bad, said in _bad_tables(rows):
        judge = make()
        before = _copied(judge.state())
        message = _refusal(give, judge, bad)
        assert message is not None, f"a table of {bad.shape} with {said!r} must raise ValueError"
        assert said in message, f"the error must name {said!r}, it says: {message}"
        assert _equal(judge.state(), before), "a refused table changed the state"


def _refusal(give: Callable[[Any, Vector], Any], judge: Any, bad: Vector) -> str | None:
    try:
        give(judge, bad)
    except ValueError as error:
        return str(error)
    return None


def _bad_tables(rows: Vector) -> Iterator[tuple[Vector, str]]:
    place = len(rows) - 1
    for value in (np.nan, np.inf):
        bad = rows.copy()
        bad[place, -1] = value
        yield bad, f"row {place}"
    wide = np.concatenate([rows, rows[:, :1]], axis=1)
    yield wide, str(wide.shape)


def _random_cuts(number: int, seed: int) -> list[int]:
    """Ends of blocks of any length, an empty one among them."""
    cuts = np.random.default_rng(seed).integers(0, number + 1, 5).tolist()
    return [*sorted([*cuts, cuts[0]]), number]


def _copied(state: State) -> dict[str, npt.NDArray[Any]]:
    return {name: np.array(array) for name, array in state.items()}


def _equal(left: State, right: State) -> bool:
    """Equal bit for bit."""
    return left.keys() == right.keys() and all(
        left[name].shape == right[name].shape and left[name].tobytes() == right[name].tobytes() for name in left
    )
