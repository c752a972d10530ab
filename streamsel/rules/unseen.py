"""Classes that a config names, in a threshold, target or quota, and that no row is of: may be slips of the pen.

A quota of all classes, where no row is of any, limits nothing, which is told as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.config.constraints import PerDay, PerSource, Quota
from streamsel.config.nearest import nearest
from streamsel.config.strategies import Balance
from streamsel.data import Value
from streamsel.rules.values import as_written
from streamsel.selection.budget.balance import OTHER
from streamsel.selection.columns import Batch, Counts, Label, Labels
from streamsel.selection.groups import identity

__all__ = ["Unseen"]

Named = tuple[str, str, tuple[Label, ...]]

KNOWN: Final = 64
"""Classes that are remembered of a column at most, to guess which one was meant."""


class Unseen:
    """Strikes out what is seen of the classes that a config names; any cut of rows into blocks gives the same.

    Those of thresholds are looked for among all rows, the others among the rows behind the filters.
    """

    def __init__(self, config: SelectionConfig) -> None:
        self._met, self._seen = _Named(_filtered(config)), _Named(_named(config))

    def meet(self, signals: Sequence[Mapping[str, Value]]) -> None:
        """Take in what is known of rows before any filter, column -> value."""
        self._met.add(signals)

    def add(self, signals: Sequence[Mapping[str, Value]]) -> None:
        """Take in what is known of rows behind the filters."""
        self._seen.add(signals)

    def meet_batch(self, batch: Batch) -> None:
        """Take in rows at once, before any filter."""
        self._met.add_batch(batch)

    def add_batch(self, batch: Batch) -> None:
        """Take in rows at once, behind the filters."""
        self._seen.add_batch(batch)

    def notes(self, rows: str = "frame") -> list[str]:
        """A line for each class that was not seen, with its place in the config. rows: what is looked at."""
        return [*self.unmet(rows), *self.unseen(rows)]

    def unmet(self, rows: str) -> list[str]:
        """Those of thresholds."""
        return self._met.notes(f"no {rows} has")

    def unseen(self, rows: str) -> list[str]:
        """Those of targets and quotas."""
        return self._seen.notes(
            f"no {rows} behind the filters is of class", f"no {rows} behind the filters is of any class"
        )

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """What is left and what is known, as JSON; nothing where nothing is named."""
        held = {"filtered": self._met, "classes": self._seen}
        return {name: np.frombuffer(one.written(), np.uint8) for name, one in held.items() if one}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        held = {"filtered": self._met, "classes": self._seen}
        for name, array in arrays.items():
            held[name].read(array.tobytes())


class _Named:
    """Classes that are named at places of a config, and what is left of them."""

    def __init__(self, named: Iterable[Named]) -> None:
        self._named = list(named)
        self._left: dict[str, set[tuple[bool, Label]]] = {column: set() for _, column, _ in self._named}
        for _, column, labels in self._named:
            self._left[column].update(map(identity, labels))
        self._known: dict[str, dict[str, Label]] = {column: {} for column in self._left}

    def __bool__(self) -> bool:
        return bool(self._named)

    def add(self, signals: Sequence[Mapping[str, Value]]) -> None:
        for column in [column for column, left in self._left.items() if left or not self._known[column]]:
            for known in signals:
                self._see(column, _classes(known.get(column)))

    def add_batch(self, batch: Batch) -> None:
        for column in self._left:
            self._see(column, _of_column(batch[column]))

    def _see(self, column: str, labels: Iterable[Label]) -> None:
        known = self._known[column]
        for label in labels:
            self._left[column].discard(identity(label))
            if len(known) < KNOWN:
                known.setdefault(str(label), label)

    def notes(self, lack: str, nothing: str = "") -> list[str]:
        """lack: words before a class that was not seen. nothing: where none is named, that none was seen at all."""
        return [text for named in self._named for text in self._about(named, lack, nothing)]

    def _about(self, named: Named, lack: str, nothing: str) -> Iterator[str]:
        place, column, labels = named
        if not labels and not self._known[column]:
            yield f"{place}: {nothing}"
        for label in labels:
            if identity(label) in self._left[column]:
                yield f"{place}: {lack} {as_written(label)}{self._guess(column, label)}"

    def _guess(self, column: str, label: Label) -> str:
        near = nearest(str(label), self._known[column])
        return f"; did you mean {as_written(self._known[column][near])}?" if near else ""

    def written(self) -> bytes:
        left = {column: sorted((label for _, label in held), key=repr) for column, held in self._left.items()}
        return json.dumps([left, self._known]).encode()  # in the order seen, by which of equally near ones one is told

    def read(self, written: bytes) -> None:
        left, self._known = json.loads(written)
        self._left = {column: set(map(identity, labels)) for column, labels in left.items()}


def _filtered(config: SelectionConfig) -> Iterator[Named]:
    """The same of thresholds on categories."""
    for place, entry in enumerate(config.strategies):
        options: Any = entry.strategy
        if options.type == "THRESHOLD" and entry.kind == "labels":
            where, labels = ("values", options.values) if options.values else ("threshold", (options.threshold,))
            yield f"strategies[{place}].strategy.{where}", entry.column, tuple(labels)


def _named(config: SelectionConfig) -> Iterator[Named]:
    """Place in the config, column, and the classes that are named there."""
    for place, entry in enumerate(config.strategies):
        if isinstance(entry.strategy, Balance) and entry.strategy.target:
            names = tuple(name for name, share in entry.strategy.target if share and name != OTHER)
            yield f"strategies[{place}].strategy.target", entry.column, names
    for place, one in enumerate(config.constraints):
        if isinstance(one, Quota) and one.classes:
            yield f"constraints[{place}].classes", one.column, one.classes
        elif isinstance(one, Quota) and not isinstance(one.per, PerSource | PerDay):  # which all rows have
            yield f"constraints[{place}].per", one.column, ()


def _classes(value: Value) -> list[Label]:
    if isinstance(value, Mapping):
        return [name for name, amount in value.items() if amount > 0]
    return [] if value is None else [value]


def _of_column(column: Any) -> Iterable[Label]:
    if isinstance(column, Counts):
        return [column.classes[place] for place in np.flatnonzero((column.values > 0).any(axis=0))]
    known = column.values if isinstance(column, Labels) else ()
    return {identity(label): label for label in known if label is not None}.values()
