"""The shares that BALANCE aims at: as named, uniform, or as the input has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Quota
from streamsel.config.nearest import unknown
from streamsel.config.strategies import Balance
from streamsel.errors import UsageError
from streamsel.selection.budget.balance import target_shares
from streamsel.selection.columns import Counts

__all__ = ["check_targets", "wanted_shares"]


def wanted_shares(options: Any, column: Counts, given: Mapping[str, float]) -> tuple[Counts, npt.NDArray[np.float64]]:
    """Counts and the shares to reach with them, as `target_shares` gives them.

    options: of a BALANCE. given: class -> its share of all that was looked at, where that is more than the column.
    """
    if options.distribution == "INPUT" and given:
        return target_shares("TARGET", given, column)
    if options.distribution == "UNIFORM" and any(given.values()):
        return _uniform(column, [name for name, share in given.items() if share])
    return target_shares(options.distribution, dict(options.target or ()), column)


def _uniform(column: Counts, occurring: Sequence[str]) -> tuple[Counts, npt.NDArray[np.float64]]:
    """The same share for each class that occurs, in the column or not."""
    absent = [name for name in occurring if name not in column.classes]
    values = np.hstack([column.values, np.zeros((len(column), len(absent)))])
    counts = Counts(values, (*column.classes, *absent))
    return counts, np.isin(counts.classes, occurring) / len(occurring)


def check_targets(config: SelectionConfig, classes: Mapping[str, Sequence[str]]) -> None:
    """Raises UsageError for a class of a target or quota that the task's schema lacks. classes: column -> names."""
    for place, entry in enumerate(config.strategies):
        known = classes.get(entry.column)
        if known and isinstance(entry.strategy, Balance) and entry.strategy.target:
            for name, _ in entry.strategy.target:
                if name not in known:
                    raise UsageError(f"strategies[{place}].strategy.target: {unknown('class', name, known)}")
    for place, one in enumerate(config.constraints):
        if isinstance(one, Quota) and (known := classes.get(one.column)):
            for label in one.classes or ():
                if label not in known:
                    raise UsageError(f"constraints[{place}].classes: {unknown('class', str(label), known)}")
