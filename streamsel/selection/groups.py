"""Groups of rows that quotas count: those with one label, or those that hold something of one class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamsel.selection import Positions
from streamsel.selection.columns import Counts, Label, Labels

__all__ = ["Groups", "groups_of", "identity"]


def identity(label: Label) -> tuple[bool, Label]:
    """What makes two labels one: 1 and 1.0 are the same, 1 and true are not."""
    return isinstance(label, bool), label


def groups_of(column: Labels | Counts, row: int) -> list[Label]:
    """The groups that a row is in: its label, if it has one; every class of which it holds more than 0."""
    if isinstance(column, Counts):
        return [column.classes[place] for place in np.flatnonzero(column.values[row] > 0)]
    label = column.values[row]
    return [] if label is None else [label]


class Groups:
    """Which of N rows are in which groups.

    names: the groups that count: those wanted, even where no row is in them, or all that occur; a row may be in none,
    and in several where the column is Counts. sizes: (G,) rows of each.
    """

    def __init__(self, column: Labels | Counts, wanted: Sequence[Label] | None = None) -> None:
        row, group, self.names = _members(column, wanted)
        self.sizes: Positions = np.bincount(group, minlength=len(self.names))
        self._groups, self._group_ends = group, np.cumsum(np.bincount(row, minlength=len(column)))
        self._rows, self._row_ends = row[np.argsort(group, kind="stable")], np.cumsum(self.sizes)

    def of(self, row: int) -> Positions:
        """The groups of a row, as places in `names`."""
        return self._groups[self._group_ends[row - 1] if row else 0 : self._group_ends[row]]

    def rows(self, group: int) -> Positions:
        """The rows of a group, rising."""
        return self._rows[self._row_ends[group - 1] if group else 0 : self._row_ends[group]]


def _members(column: Labels | Counts, wanted: Sequence[Label] | None) -> tuple[Positions, Positions, tuple[Label, ...]]:
    """Pairs (row, group), rising by row, and the names of the groups."""
    if isinstance(column, Counts):
        names: Sequence[Label] = column.classes if wanted is None else tuple(dict.fromkeys(wanted))
        row, place = np.nonzero(column.values > 0)
        group = np.array([names.index(name) if name in names else -1 for name in column.classes], np.int64)[place]
    else:
        known = [label for label in column.values if label is not None] if wanted is None else wanted
        distinct = {identity(label): label for label in known}
        names, place_of = tuple(distinct.values()), {key: place for place, key in enumerate(distinct)}
        row = np.arange(len(column))
        group = np.array([place_of.get(identity(label), -1) for label in column.values], np.int64)
    return row[group >= 0], group[group >= 0], tuple(names)
