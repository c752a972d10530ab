"""Classes that a config names, in a target or a quota, and that no row is of: what may be a slip of the pen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Quota
from streamsel.config.nearest import nearest
from streamsel.config.strategies import Balance
from streamsel.data import Value
from streamsel.selection.budget.balance import OTHER
from streamsel.selection.columns import Batch, Counts, Label, Labels
from streamsel.selection.groups import identity

__all__ = ["Unseen"]

KNOWN: Final = 64
"""Classes that are remembered of a column at most, to guess which one was meant."""


class Unseen:
    """Strikes out what is seen of the classes that a config names; any cut of rows into blocks gives the same."""

    def __init__(self, config: SelectionConfig) -> None:
        self._named = list(_named(config))
        self._left: dict[str, set[tuple[bool, Label]]] = {column: set() for _, column, _ in self._named}
        for _, column, labels in self._named:
            self._left[column].update(map(identity, labels))
        self._known: dict[str, list[str]] = {column: [] for column in self._left}

    def add(self, signals: Sequence[Mapping[str, Value]]) -> None:
        """Take in what is known of rows, column -> value."""
        for column in [column for column, left in self._left.items() if left]:
            for known in signals:
                self._see(column, _classes(known.get(column)))

    def add_batch(self, batch: Batch) -> None:
        """Take in rows at once."""
        for column in self._left:
            self._see(column, _of_column(batch[column]))

    def _see(self, column: str, labels: Iterable[Label]) -> None:
        known = self._known[column]
        for label in labels:
            self._left[column].discard(identity(label))
            if len(known) < KNOWN and str(label) not in known:
                known.append(str(label))

    def notes(self, rows: str = "frame") -> list[str]:
        """A line for each class that was not seen, with its place in the config. rows: what is looked at."""
        return [
            f"{place}: no {rows} behind the filters is of class {label!r}{self._guess(column, label)}"
            for place, column, labels in self._named
            for label in labels
            if identity(label) in self._left[column]
        ]

    def _guess(self, column: str, label: Label) -> str:
        near = nearest(str(label), self._known[column])
        return f"; did you mean {near!r}?" if near else ""

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """What is left and what is known, as JSON; nothing where nothing is named."""
        left = {column: sorted((label for _, label in held), key=repr) for column, held in self._left.items()}
        told = json.dumps([left, self._known], sort_keys=True).encode()
        return {"classes": np.frombuffer(told, np.uint8)} if self._named else {}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        left, self._known = json.loads(arrays["classes"].tobytes())
        self._left = {column: set(map(identity, labels)) for column, labels in left.items()}


def _named(config: SelectionConfig) -> Iterator[tuple[str, str, tuple[Label, ...]]]:
    """Place in the config, column, and the classes that are named there."""
    for place, entry in enumerate(config.strategies):
        if isinstance(entry.strategy, Balance) and entry.strategy.target:
            names = tuple(name for name, share in entry.strategy.target if share and name != OTHER)
            yield f"strategies[{place}].strategy.target", entry.column, names
    for place, one in enumerate(config.constraints):
        if isinstance(one, Quota) and one.classes:
            yield f"constraints[{place}].classes", one.column, one.classes


def _classes(value: Value) -> list[Label]:
    if isinstance(value, Mapping):
        return [name for name, amount in value.items() if amount > 0]
    return [] if value is None else [value]


def _of_column(column: Any) -> Iterable[Label]:
    if isinstance(column, Counts):
        return [column.classes[place] for place in np.flatnonzero((column.values > 0).any(axis=0))]
    known = column.values if isinstance(column, Labels) else ()
    return {identity(label): label for label in known if label is not None}.values()
