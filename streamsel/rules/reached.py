"""What each strategy asked for, beside what the picks reached; and how much each pick added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.config.selection import Entry
from streamsel.data import Decision
from streamsel.rules.material import VECTORS
from streamsel.rules.shares import wanted_shares
from streamsel.rules.totals import Totals
from streamsel.selection.budget.balance import OTHER
from streamsel.selection.columns import Batch, Counts, concatenate
from streamsel.signals.scores import scale_object_frequency

__all__ = ["compared", "curve", "reached"]

POINTS: Final = 64
"""Points of the curve at most, spread evenly over the logarithm of the number of picks."""


def reached(
    config: SelectionConfig,
    batch: Batch,
    order: Sequence[int],
    decisions: Sequence[Decision],
    before: Batch | None = None,
    totals: Totals | None = None,
    *,
    alike: bool = True,
) -> dict[str, dict[str, Any]]:
    """Label of a strategy -> what it asked for and what the picks reached, as plain JSON values.

    batch: the rows that passed all filters. order: positions of the picks in it. decisions: on these rows. before:
    earlier picks, which count as the run counted them: in shares and sums. totals: of all that was looked at, where
    the batch is but a part of it; alike: of the same rows (objects are chosen from, and frames are looked at).
    """
    named = zip(config.strategies, config.labels, strict=True)
    goals = [(entry, label) for entry, label in named if entry.strategy.type != "THRESHOLD"]
    first = 0 if before is None else len(before)
    table = batch if before is None else concatenate([before, batch])
    picks = [*range(first), *(row + first for row in order)]
    judged = [decisions[row] for row in order]
    told = {label: _reached(entry, label, table, picks, judged, totals) for entry, label in goals}
    for entry, label in goals:
        if entry.strategy.type == "WEIGHTS" and (totals is not None or not alike):
            told[label]["input_mean"] = _mean(entry, totals) if alike and totals is not None else None
    return told


def _mean(entry: Entry, totals: Totals) -> float | None:
    """Of what WEIGHTS reads, over all that was looked at; None where that is not known."""
    mean = totals.mean(entry.column)
    if mean is None or getattr(entry.input, "score", "") != "object_frequency":
        return mean
    return float(scale_object_frequency([mean], *totals.ends(entry.column))[0])  # the totals are of what it is made of


def _reached(
    entry: Entry, label: str, table: Batch, picks: list[int], judged: Sequence[Decision], totals: Totals | None
) -> dict[str, Any]:
    column, options = table[entry.column], entry.strategy
    told: dict[str, Any] = {"strength": getattr(options, "strength", 1.0)}
    told |= {name: value for name, value in options.model_dump(exclude_defaults=True).items() if name in STOPS}
    told["gain"] = sum(decision.gains.get(label, 0.0) for decision in judged)
    if options.type == "BALANCE":
        given = totals.shares(entry.column) if totals else {}
        return told | {"shares": _shares(options, column, picks, given) if picks else {}}
    if options.type == "WEIGHTS":
        return told | _sums(column.values, picks)
    if options.type == "DIVERSITY" and entry.column == VECTORS:
        return told | _distances([decision.distance for decision in judged])
    return told


def compared(
    told: Mapping[str, Mapping[str, Any]], means: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """What `reached` told, with the means of strategies whose values only the choice itself computes."""
    return {
        label: {**one, **(means.get(label, {}) if "reached_mean" not in one else {})} for label, one in told.items()
    }


STOPS: Final = (
    "stopping_condition_minimum_distance",
    "stopping_condition_minimum_typicality",
    "stopping_condition_max_sum",
    "target_range",
)


def _shares(options: Any, column: Counts, order: list[int], given: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Class -> its share as asked for, in the input and among the picks."""
    counts, target = wanted_shares(options, column, given)
    held, picked = _share(counts.values), _share(counts.values[order])
    if given:
        others = sum(share for name, share in given.items() if name not in counts.classes)
        held = [given.get(name, others if name == OTHER else 0.0) for name in counts.classes]
    shares = zip(counts.classes, target, held, picked, strict=True)
    return {name: {"target": float(t), "input": float(i), "reached": float(r)} for name, t, i, r in shares}


def _share(amounts: Any) -> Any:
    return amounts.sum(axis=0) / (amounts.sum() or 1.0)


def _sums(values: Any, order: list[int]) -> dict[str, float]:
    picked = values[order]
    means = {"input_mean": float(values.mean()) if len(values) else 0.0}
    return means | {"reached_mean": float(picked.mean()) if len(picked) else 0.0, "reached_sum": float(picked.sum())}


def _distances(distances: Sequence[float]) -> dict[str, float | None]:
    """The first pick has no distance."""
    known = np.array([d for d in distances if np.isfinite(d)])
    if not len(known):
        return {"reached_minimum": None, "reached_mean": None}
    return {"reached_minimum": float(known.min()), "reached_mean": float(known.mean())}


def curve(order: Sequence[int], decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """How much the picks add, from the first to the last: at some numbers of picks the potential and the distance.

    potential: the sum of all gains so far. distance: of the latest pick to the nearest earlier one; what all other
    rows have at most, where DIVERSITY alone decides.
    """
    if not order:
        return []
    steps = np.unique(np.geomspace(1, len(order), min(POINTS, len(order))).round().astype(int))
    gains = np.cumsum([_gain(decisions[row].gains) for row in order])
    return [
        {"picks": k, "potential": float(gains[k - 1]), "distance": _finite(decisions[order[k - 1]].distance)}
        for k in steps.tolist()
    ]


def _gain(gains: Mapping[str, float]) -> float:
    return float(sum(gains.values()))


def _finite(distance: float) -> float | None:
    return distance if np.isfinite(distance) else None
