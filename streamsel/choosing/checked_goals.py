"""What each strategy can reach with n picks of the rows that pass all filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from streamsel.choosing.checked_config import place_of
from streamsel.choosing.finding import Finding, fine, note, problem
from streamsel.choosing.reach import largest_share, picks_until, smallest_share, sums
from streamsel.config import SelectionConfig
from streamsel.config.nearest import nearest
from streamsel.config.selection import Entry
from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.rules.material import VECTORS
from streamsel.selection.budget.balance import OTHER, target_shares
from streamsel.selection.budget.farthest import farthest_first
from streamsel.selection.columns import Batch, Counts, Objects, concatenate
from streamsel.selection.formulas import similarity, typicality

__all__ = ["Ground", "goal_findings"]

LOOKED: Final = 1000
"""Picks at most by which distances are told."""
MEASURED: Final = 20_000
"""Rows at most whose typicality is computed, which takes time by their square."""
SHOWN: Final = 12
"""Classes told one by one."""
POINTS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
CLOSE: Final = 5e-4
"""Shares that print alike."""


@dataclass
class Ground:
    """What a check stands on: the rows that pass all filters, earlier picks, and how many to pick."""

    config: SelectionConfig
    rows: Batch = field(repr=False)
    before: Batch | None
    n: int
    queries: dict[str, Vector] = field(repr=False)

    @cached_property
    def distances(self) -> list[float]:
        """Of each pick to the nearest earlier one, farthest first; at most LOOKED; infinite for the first."""
        earlier = None if self.before is None else self.before[VECTORS].rows
        wanted = min(len(self.rows), LOOKED)
        order, distances, _ = farthest_first(self.rows[VECTORS].rows, wanted, preselected=earlier)
        return distances[order].tolist()  # type: ignore[no-any-return]

    def with_earlier(self, column: str) -> Any:
        """A column of the earlier picks and the rows, in this order."""
        parts = [part[column] for part in (self.before, self.rows) if part is not None]
        return concatenate([Batch({column: part}, len(part)) for part in parts])[column]

    def fits_at(self, distance: float) -> int:
        """How many picks farthest-first finds that are so far apart, up to LOOKED: a lower bound of what there is."""
        return int(np.count_nonzero(np.array(self.distances) >= distance))

    def fits_text(self, distance: float) -> str:
        """The same in words."""
        fits = self.fits_at(distance)
        more = " or more" if fits == LOOKED else ""
        return f"{fits}{more} rows that far apart are found farthest-first, a lower bound"


def goal_findings(ground: Ground, entry: Entry) -> Iterator[Finding]:
    """Findings on one strategy, not a THRESHOLD. Raises nothing: what cannot run is a problem."""
    about: dict[str, Callable[[Ground, Entry, Any], Iterator[tuple[bool, str]]]] = {
        "DIVERSITY": _diversity,
        "TYPICALITY": _typicality,
        "SIMILARITY": _similarity,
        "BALANCE": _balance,
        "WEIGHTS": _weights,
    }
    place, column = place_of(ground.config, entry), ground.rows[entry.column]
    try:
        for right, text in about[entry.strategy.type](ground, entry, column):
            yield (fine if right else note)(place, f"{entry.label}: {text}")
    except UsageError as error:
        yield problem(place, f"{entry.label}: {error}")


def _diversity(ground: Ground, entry: Entry, column: Any) -> Iterator[tuple[bool, str]]:
    if isinstance(column, Objects):
        without = int(np.count_nonzero(column.counts == 0))
        yield without < len(column), f"{without} of {len(column)} rows have no object, and gain nothing by this"
        return
    stop: float | None = getattr(entry.strategy, "stopping_condition_minimum_distance", None)
    told = [f"{n}: {ground.distances[n - 1]:.3g}" for n in POINTS if n <= min(len(ground.distances), ground.n)]
    if told:
        yield True, f"distance of the last of so many picks, farthest first: {', '.join(told)}"
    if ground.distances and ground.distances[-1] == 0 and max(ground.distances[1:], default=0.0) == 0:
        yield False, "all embeddings are equal, so it changes nothing"
    if stop:
        enough = ground.fits_at(stop) >= min(ground.n, LOOKED)
        yield enough, f"stops below {stop:g}: {ground.fits_text(stop)}; {ground.n} picks are asked for"


def _typicality(ground: Ground, entry: Entry, column: Any) -> Iterator[tuple[bool, str]]:
    options: Any = entry.strategy
    things = len(column.rows)
    if options.num_nearest_neighbors > things - 1:
        yield False, f"num_nearest_neighbors {options.num_nearest_neighbors} is more than the {things - 1} others"
    if isinstance(column, Objects) or things > MEASURED:
        yield True, f"of {things} {'objects' if isinstance(column, Objects) else 'rows'}, not measured here"
        return
    values = typicality(column.rows, options.num_nearest_neighbors)
    yield from _spread(values)
    stop = options.stopping_condition_minimum_typicality
    if stop is not None:
        above = int(np.count_nonzero(values >= stop))
        yield above >= ground.n, f"stops below {stop:g}: {above} rows are as typical; {ground.n} picks are asked for"


def _similarity(ground: Ground, entry: Entry, column: Any) -> Iterator[tuple[bool, str]]:
    queries = ground.queries[entry.query or ""]
    values = similarity(column.rows, queries)
    yield True, f"{len(queries)} queries"
    yield from _spread(values)


def _spread(values: Any) -> Iterator[tuple[bool, str]]:
    """Values that are all equal rank nothing."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    if len(values) > 1 and low == high:
        yield False, f"all rows have the value {low:g}, so it changes nothing"
    else:
        yield True, f"values from {low:.4g} to {high:.4g}"


def _weights(ground: Ground, entry: Entry, column: Any) -> Iterator[tuple[bool, str]]:
    options: Any = entry.strategy
    values = column.values
    yield from _spread(values)
    earlier = 0.0 if ground.before is None else float(ground.before[entry.column].values.sum())
    low, high = (bound + earlier for bound in sums(values, ground.n))
    yield True, f"the sum of {ground.n} picks is {low:.6g} to {high:.6g}"
    if len(ground.config.strategies) > 1 and len(values) and values.min() < 0:
        yield False, "some values are below 0: beside other strategies a sum of 0 or less counts as 1e-8"
    if options.stopping_condition_max_sum is not None:
        yield _stopping(values, options.stopping_condition_max_sum - earlier, ground.n)
    if (wanted := options.target_range) is not None:
        right = low <= wanted.max_sum and high >= wanted.min_sum
        verb = "can be reached" if right else "cannot be reached"
        yield right, f"target_range {wanted.min_sum:g} to {wanted.max_sum:g} {verb} with {ground.n} picks"


def _stopping(values: Any, goal: float, n: int) -> tuple[bool, str]:
    fewest, most = picks_until(values, goal)
    if fewest is None or fewest > n:
        return True, "stopping_condition_max_sum is not reached before all picks are made"
    till = f" to {most}" if most is not None and most != fewest else " or more" if most is None else ""
    return False, f"stopping_condition_max_sum is reached after {fewest}{till} picks; {n} are asked for"


def _balance(ground: Ground, entry: Entry, column: Any) -> Iterator[tuple[bool, str]]:
    options: Any = entry.strategy
    asked = dict(options.target or ())
    earlier: Counts | None = None if ground.before is None else ground.before[entry.column]
    every: Counts = ground.with_earlier(entry.column)
    counts, target = target_shares(options.distribution, asked, every)
    yield from _present(every, asked)
    first = 0 if earlier is None else len(earlier)
    classes = sorted(zip(counts.classes, target, counts.values.T, strict=True), key=lambda one: -one[1])
    totals = counts.values.sum(axis=1)
    for shown, (name, share, amounts) in enumerate(classes):
        picked = float(amounts[:first].sum()), float(totals[:first].sum())
        new = amounts[first:], totals[first:], ground.n, picked
        low, high = smallest_share(*new), largest_share(*new)
        right = low - CLOSE <= share <= high + CLOSE
        if not right or shown < SHOWN:
            given = float(amounts.sum() / (totals.sum() or 1))
            reach = f"{ground.n} picks reach {low:.1%} to {high:.1%}"
            yield right, f"{name}: target {share:.1%}, all rows {given:.1%}, {reach}"
    if len(classes) > SHOWN:
        yield True, f"{len(classes)} classes in all; of the others only those that cannot be reached are told"


def _present(counts: Counts, asked: dict[str, float]) -> Iterator[tuple[bool, str]]:
    """Classes that are asked for and occur nowhere, and columns of a single class."""
    there = [name for name, amount in zip(counts.classes, counts.values.sum(axis=0), strict=True) if amount > 0]
    for name in asked:
        if name not in there and name != OTHER:
            near = nearest(name, there)
            yield False, f"class {name!r} occurs in no row{f'; did you mean {near!r}?' if near else ''}"
    if len(there) < 2:
        yield False, f"all rows are of {'one class' if there else 'no class'}, so it changes nothing"
