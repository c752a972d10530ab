"""Hard constraints of the budget: quotas per group, a minimum gap in time, rows that must be picked.

Each holds alone; several are put together by `Together`, which sees to it that they do not promise one slot twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection import Positions
from streamsel.selection.columns import Counts, Label, Labels, Numbers
from streamsel.selection.gaps import Gaps
from streamsel.selection.groups import Groups

__all__ = ["AtLeast", "AtMost", "Include", "MinimumGap"]

Mask = npt.NDArray[np.bool_]


class AtMost:
    """A Constraint: no more than `count` picks of each group, earlier picks included; count: 0 or more.

    column: Labels, of which a row has one or none, or Counts, where a row is in every class of which it holds more than
    0, with one row each. classes: the groups that are limited; all of them unless given.
    """

    def __init__(
        self, column: Labels | Counts, count: int, *, classes: Sequence[Label] | None = None, name: str = "AT_MOST"
    ) -> None:
        self.name, self._count, self._groups = name, _checked(name, count), Groups(column, classes)
        self._picked = np.zeros(len(self._groups.names), np.int64)

    def forbids(self, row: int) -> bool:
        """Whether one of the row's groups is full."""
        return bool((self._picked[self._groups.of(row)] >= self._count).any())

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._picked[self._groups.of(row)] += 1

    def wants(self, left: int) -> Mask | None:
        """Nothing in particular."""
        return None


class AtLeast:
    """A Constraint: `count` picks or more of each group, earlier picks included; count: 0 or more.

    It keeps slots free: while more picks are left than are still needed any row may come, and then only rows of groups
    that need more. What a group cannot give, because it has too few rows, is not waited for; `unmet` tells it.
    column, classes: as of AtMost. A class that is listed and does not occur is a group without rows.
    """

    def __init__(
        self, column: Labels | Counts, count: int, *, classes: Sequence[Label] | None = None, name: str = "AT_LEAST"
    ) -> None:
        self.name, self._count, self._groups = name, _checked(name, count), Groups(column, classes)
        self._rows = len(column)
        self._picked = np.zeros(len(self._groups.names), np.int64)
        self._gone = np.zeros(len(self._groups.names), np.int64)

    def forbids(self, row: int) -> bool:
        """Never."""
        return False

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._picked[self._groups.of(row)] += 1

    def lose(self, row: int) -> None:
        """A row that is no pick can never be one."""
        self._gone[self._groups.of(row)] += 1

    def needs(self) -> Positions:
        """(G,) int64: how many picks of each group are still needed and can be had."""
        open_rows = self._groups.sizes - self._picked - self._gone
        needed: Positions = np.minimum(np.maximum(self._count - self._picked, 0), open_rows)
        return needed

    def helpful(self) -> Mask:
        """(N,): rows of groups that need more; those that are picks or lost already may be among them."""
        useful = np.zeros(self._rows, bool)
        for group in np.flatnonzero(self.needs()):
            useful[self._groups.rows(int(group))] = True
        return useful

    def rows_of(self, group: int) -> Positions:
        """The rows of one group of `needs`."""
        return self._groups.rows(group)

    def wants(self, left: int) -> Mask | None:
        """The helpful rows, as soon as no pick is left to spare."""
        needed = int(self.needs().sum())
        return self.helpful() if needed and left <= needed else None

    def unmet(self) -> Mapping[Label, int]:
        """Group -> how many picks it lacks. Before a run all that is asked for, after it what was not reached."""
        lacking = np.maximum(self._count - self._picked, 0).tolist()
        return {name: lacks for name, lacks in zip(self._groups.names, lacking, strict=True) if lacks}

    def impossible(self) -> Mapping[Label, int]:
        """Group -> how many rows it has too few of, whatever else is picked."""
        missing = (self._count - self._groups.sizes).tolist()
        return {name: lacks for name, lacks in zip(self._groups.names, missing, strict=True) if lacks > 0}


class MinimumGap:
    """A Constraint: no two picks of one source less than `seconds` apart, to the microsecond; seconds: above 0.

    sources, times (in seconds): of N rows. Rows without a source count as of one source.
    """

    def __init__(self, sources: Labels, times: Numbers, seconds: float, *, name: str = "MIN_GAP") -> None:
        self.name, self._sources, self._times, self._gaps = name, sources.values, times.values, Gaps(seconds)

    def forbids(self, row: int) -> bool:
        """Whether a pick of the same source is too near in time."""
        return self._gaps.near(self._sources[row], float(self._times[row]))

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._gaps.add(self._sources[row], float(self._times[row]))

    def wants(self, left: int) -> Mask | None:
        """Nothing in particular."""
        return None


class Include:
    """A Constraint: these of N rows are picked first, in this order. Raises UsageError for positions outside 0..N-1."""

    def __init__(self, positions: Sequence[int], rows: int, *, name: str = "INCLUDE") -> None:
        wrong = [position for position in positions if not 0 <= position < rows]
        if wrong:
            raise UsageError(f"{name}: row {wrong[0]} is not one of the {rows} rows")
        self.name, self._rows, self._pending = name, rows, dict.fromkeys(positions)

    def upcoming(self) -> int | None:
        """The row that must be picked next; None when all are."""
        return next(iter(self._pending), None)

    def forbids(self, row: int) -> bool:
        """Never."""
        return False

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._pending.pop(row, None)

    def wants(self, left: int) -> Mask | None:
        """The upcoming row alone."""
        row = self.upcoming()
        return None if row is None else np.arange(self._rows) == row


def _checked(name: str, count: int) -> int:
    if count < 0:
        raise UsageError(f"{name}: the count must be 0 or more, got {count}")
    return count
