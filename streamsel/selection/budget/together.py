"""Several constraints as one, so that they do not stand in each other's way.

- What must be included is picked first and is never forbidden.
- Slots are kept for all AT_LEAST at once: two of them that need one pick each keep two slots, unless one row serves
  both, which is found out when it is picked.
- A group of which every row left is forbidden gets no slot: the run goes on without it, and `unmet` tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from streamsel.selection import Constraint
from streamsel.selection.budget.constraints import AtLeast, Include
from streamsel.selection.columns import Label

__all__ = ["Together"]

Mask = npt.NDArray[np.bool_]


class Together:
    """A Constraint over N rows; each of them may be picked unless one of the constraints forbids it."""

    def __init__(self, constraints: Sequence[Constraint], rows: int) -> None:
        self.name = ", ".join(dict.fromkeys(one.name for one in constraints))
        self._all = tuple(constraints)
        self._includes = [one for one in constraints if isinstance(one, Include)]
        self._quotas = [one for one in constraints if isinstance(one, AtLeast)]
        self._gone = np.zeros(rows, bool)
        """Rows that are picks, or forbidden for good."""
        self.demand = ""
        """Which of them are why `wants` last told rows; empty where none is."""

    def forbids(self, row: int) -> bool:
        """Whether any of them forbids a row that no INCLUDE demands."""
        if self._gone[row]:
            return True
        if row in self._upcoming():
            return False
        forbidden = any(one.forbids(row) for one in self._all)
        if forbidden:
            self._lose(row)
        return forbidden

    def _upcoming(self) -> list[int]:
        return [row for one in self._includes if (row := one.upcoming()) is not None]

    def _lose(self, row: int) -> None:
        self._gone[row] = True
        for quota in self._quotas:
            quota.lose(row)

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._gone[row] = True
        for one in self._all:
            one.add(row)

    def wants(self, left: int) -> Mask | None:
        """What must be included, one by one; then, as soon as no pick is left to spare, what some AT_LEAST needs."""
        upcoming = self._upcoming()
        self.demand = ""
        wanted = np.zeros(len(self._gone), bool)
        if upcoming:
            wanted[upcoming[0]] = True
            self.demand = next(one.name for one in self._includes if one.upcoming() == upcoming[0])
            return wanted
        if self._needed() < left:
            return None
        self._find_out()
        if self._needed() < left:
            return None
        for quota in self._quotas:
            wanted |= quota.helpful()
        self.demand = ", ".join(one.name for one in self._quotas if one.needs().any())
        return wanted

    def _needed(self) -> int:
        return sum(int(quota.needs().sum()) for quota in self._quotas)

    def _find_out(self) -> None:
        """Let go of rows that are forbidden without anybody having asked, up to one that is not in each group."""
        for quota in self._quotas:
            for group in np.flatnonzero(quota.needs()).tolist():
                left = quota.rows_of(group)
                next((row for row in left[~self._gone[left]].tolist() if not self.forbids(row)), None)

    def unmet(self) -> Mapping[str, Mapping[Label, int]]:
        """AT_LEAST's name -> group -> how many picks it lacks; those of one name are told together."""
        told: dict[str, dict[Label, int]] = {}
        for quota in self._quotas:
            if lacking := quota.unmet():
                told.setdefault(quota.name, {}).update(lacking)
        return told
