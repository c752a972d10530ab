"""Hard constraints of a stream, each a StreamConstraint: quotas per group, a minimum gap, what must and must not be.

They judge a row by what was kept before it and never take anything back. So AT_LEAST is refused: nobody knows whether
enough rows of a group are still to come.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NoReturn, Self

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection import State
from streamsel.selection.columns import Batch, Counts, Label, Labels, Numbers
from streamsel.selection.gaps import Gaps
from streamsel.selection.groups import groups_of, identity
from streamsel.selection.stream.reading import column_of

__all__ = ["Allowed", "AtMost", "Exclude", "Include", "MinimumGap", "refuse_at_least"]

NOTHING: Final[State] = {}


def refuse_at_least(name: str = "AT_LEAST") -> NoReturn:
    """Raises the UsageError that says why a stream has no such constraint."""
    raise UsageError(
        f"{name} cannot be promised of a stream, which decides each row before it has seen the next: "
        "use -n or --proportion, or BALANCE"
    )


class _Constraint:
    """Allows everything, demands nothing, remembers nothing."""

    name: str

    def allows(self, batch: Batch, row: int) -> bool:
        """See `StreamConstraint`."""
        return True

    def must(self, batch: Batch, row: int) -> bool:
        """See `StreamConstraint`."""
        return False

    def add(self, batch: Batch, row: int) -> None:
        """See `StreamConstraint`."""

    def state(self) -> State:
        """See `StreamConstraint`."""
        return NOTHING

    def restore(self, state: State) -> Self:
        """See `StreamConstraint`."""
        return self


class Allowed(_Constraint):
    """Allows every row, where filters have decided already."""

    name = "THRESHOLD"


class AtMost(_Constraint):
    """No more than `count` rows of each group are kept; count: 0 or more.

    column: Labels, of which a row has one or none, or Counts, where a row is in every class of which it holds more than
    0. classes: the groups that are limited; all of them unless given.
    """

    def __init__(
        self, column: str, count: int, *, classes: Sequence[Label] | None = None, name: str = "AT_MOST"
    ) -> None:
        if count < 0:
            raise UsageError(f"{name}: the count must be 0 or more, got {count}")
        self.name, self._column, self._count = name, column, count
        self._classes = None if classes is None else {identity(label) for label in classes}
        self._kept: dict[tuple[bool, Label], int] = {}

    def allows(self, batch: Batch, row: int) -> bool:
        """Whether none of the row's groups is full."""
        return all(self._kept.get(group, 0) < self._count for group in self._groups(batch, row))

    def add(self, batch: Batch, row: int) -> None:
        """Its groups have one more."""
        for group in self._groups(batch, row):
            self._kept[group] = self._kept.get(group, 0) + 1

    def _groups(self, batch: Batch, row: int) -> list[tuple[bool, Label]]:
        found = batch.columns.get(self._column)
        column = found if isinstance(found, Counts) else column_of(batch, self._column, Labels)
        groups = map(identity, groups_of(column, row))
        return [group for group in groups if self._classes is None or group in self._classes]

    def state(self) -> State:
        """`groups`, JSON, and `kept`, (G,) int64: how many rows of each."""
        labels = [label for _, label in self._kept]
        return {"groups": _packed(labels), "kept": np.array(list(self._kept.values()), np.int64)}

    def restore(self, state: State) -> Self:
        """Become what `state` was taken from."""
        groups = map(identity, _unpacked(state["groups"]))
        self._kept = dict(zip(groups, state["kept"].tolist(), strict=True))
        return self


class MinimumGap(_Constraint):
    """No two rows of one source less than `seconds` apart are kept, to the microsecond; seconds: above 0.

    sources: a column of Labels; rows without one count as of one source. times: a column of Numbers, in seconds, in
    any order.
    """

    def __init__(self, seconds: float, *, sources: str = "SOURCE", times: str = "TIME", name: str = "MIN_GAP") -> None:
        self.name, self._sources, self._times, self._gaps = name, sources, times, Gaps(seconds)

    def allows(self, batch: Batch, row: int) -> bool:
        """Whether no kept row of the same source is too near in time."""
        return not self._gaps.near(*self._at(batch, row))

    def add(self, batch: Batch, row: int) -> None:
        """Its time is taken."""
        self._gaps.add(*self._at(batch, row))

    def _at(self, batch: Batch, row: int) -> tuple[Label | None, float]:
        source = column_of(batch, self._sources, Labels).values[row]
        return source, float(column_of(batch, self._times, Numbers).values[row])

    def state(self) -> State:
        """`sources`, JSON; `times.0`, float64, sorted, those of the first source, and so on: each grows at its end."""
        times = self._gaps.times
        held = {f"times.{number}": np.array(part, np.float64) for number, part in enumerate(times.values())}
        return {"sources": _packed(list(times)), **held}

    def restore(self, state: State) -> Self:
        """Become what `state` was taken from."""
        self._gaps = Gaps(self._gaps.seconds)
        for number, source in enumerate(_unpacked(state["sources"])):
            self._gaps.times[source] = array("d", state[f"times.{number}"].tobytes())
        return self


class _Listed(_Constraint):
    """Names of rows, and whether a row has one of them.

    column: Labels, the rows' names. key: what of a name counts, all of it unless given.
    """

    def __init__(
        self, names: Iterable[str], *, column: str = "NAME", key: Callable[[str], str] = str, name: str = ""
    ) -> None:
        self.name, self._column, self._key = name or type(self).__name__.upper(), column, key
        self._names = frozenset(map(key, names))

    def _is_listed(self, batch: Batch, row: int) -> bool:
        return self._key(column_of(batch, self._column, Labels).values[row]) in self._names


class Include(_Listed):
    """Rows of these names are kept whatever anything else says."""

    def must(self, batch: Batch, row: int) -> bool:
        """Whether the row is one of them."""
        return self._is_listed(batch, row)


class Exclude(_Listed):
    """Rows of these names are never kept, unless an Include demands it."""

    def allows(self, batch: Batch, row: int) -> bool:
        """Whether the row is none of them."""
        return not self._is_listed(batch, row)


def _packed(labels: Sequence[Label | None]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(labels).encode(), np.uint8).copy()


def _unpacked(packed: npt.NDArray[np.uint8]) -> list[Any]:
    labels: list[Any] = json.loads(packed.tobytes())
    return labels
