"""Which rows a budget must be able to choose, whatever they look like: what quotas and BALANCE count, and WEIGHTS.

The scout sees none of that, so it keeps a reserve of rows by these claims, see `streamsel.embed.reserve`:

- of what has the largest values, as many rows as are to be picked;
- of each class that AT_LEAST asks for, as many as it asks for;
- where more is counted, of rows in the very same classes as many as can be picked of them. Any picks can then be
  traded, one for one, for rows of the reserve that count the same.

A row counts as in each class of which it holds half a thing or more, else in the one of which it holds most.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.config.constraints import MinDistance, MinGap, Quota
from streamsel.config.strategies import Balance
from streamsel.data import Value
from streamsel.embed import Window
from streamsel.embed.reserve import Claim
from streamsel.rules.material import SOURCE
from streamsel.rules.values import class_of
from streamsel.selection.groups import identity

__all__ = ["Claims"]

WORTH: Final = "worth"
AT_LEAST: Final = "at least"
KINDS: Final = "kinds"
"""Cases of shelves: for all rows, one for each class, one for each set of classes that rows are in."""
PLACES: Final = 4
"""So many kinds of rows have a place each for every pick; more of them share these."""
HALF: Final = 0.5
ANY_OTHER: Final = "*"


class Claims:
    """Of a config, for n picks. rooms: how many rows each case of shelves holds; empty where nothing is claimed."""

    def __init__(self, config: SelectionConfig, n: int) -> None:
        self._n, self._counted = n, list(_counted(config))
        self._weighs = any(one.strategy.type == "WEIGHTS" and one.strategy.strength for one in config.strategies)
        self._apart = any(isinstance(one, MinGap | MinDistance) for one in config.constraints)
        asked = [one.least is not None for one in self._counted]
        self._joint = not all(asked) or sum(asked) > 1
        self.rooms = {f"{AT_LEAST} {place}": n for place in np.flatnonzero(asked).tolist()}
        if self._weighs:
            self.rooms[WORTH] = n
        if self._joint:
            limited = len(asked) == 1 and self._counted[0].most is not None and not self._apart
            self.rooms[KINDS] = n if limited else PLACES * n

    def of(self, window: Window) -> list[Claim]:
        """What a window claims: by its signals, and its source."""
        signals, source = window[0].signals, window[0].mark.source
        held = [one.classes_of(signals, source) for one in self._counted]
        claims = [Claim(WORTH, "", self._n)] if self._weighs else []
        for place, (one, names) in enumerate(zip(self._counted, held, strict=True)):
            if one.least is not None:
                claims += [Claim(f"{AT_LEAST} {place}", name, self._places(one.least)) for name in names]
        if self._joint:
            limits = [
                one.most for one, names in zip(self._counted, held, strict=True) if names and one.most is not None
            ]
            claims.append(Claim(KINDS, json.dumps(held), self._places(min(limits, default=self._n))))
        return claims

    def _places(self, count: int) -> int:
        """For a class of which so many are picked; more where some of them may forbid others."""
        return self._n if self._apart and count else min(count, self._n)


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a quota or BALANCE counts. listed: the classes that matter, None: all; others: whether the rest is one.

    least, most: picks of each class, None where that is open.
    """

    column: str
    listed: frozenset[Any] | None = None
    others: bool = False
    least: int | None = None
    most: int | None = None

    def classes_of(self, signals: Mapping[str, Value], source: str) -> list[str]:
        """Those that a row counts in, sorted."""
        value = source if self.column == SOURCE else signals.get(self.column)
        return sorted({name for label in _held(value) for name in self._named(label)})

    def _named(self, label: Any) -> Iterable[str]:
        if self.listed is None or identity(label) in self.listed:
            yield class_of(label)
        elif self.others:
            yield ANY_OTHER


def _counted(config: SelectionConfig) -> Iterable[_Counted]:
    for entry in config.strategies:
        options = entry.strategy
        if isinstance(options, Balance) and options.strength:
            target = None if options.target is None else frozenset(identity(name) for name, _ in options.target)
            yield _Counted(entry.column, target, others=True)
    for one in config.constraints:
        if isinstance(one, Quota):
            listed = None if one.classes is None else frozenset(map(identity, one.classes))
            least, most = (one.count, None) if one.type == "AT_LEAST" else (None, one.count)
            yield _Counted(one.column, listed, least=least, most=most)


def _held(value: Value) -> Sequence[Any]:
    """The labels of a value: itself, or the classes of which there is half a thing or more, else the largest."""
    if not isinstance(value, Mapping):
        return [] if value is None else [value]
    most = max(value.values(), default=0.0)
    return [name for name, amount in value.items() if amount >= min(most, HALF)] if most > 0 else []
