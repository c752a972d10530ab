"""BALANCE, the budget's form: the shares of classes among the picks come near a target.

O is 1 / cross-entropy(target, shares): -sum over classes of target * ln(share), shares held at 1e-10 or more and the
cross-entropy at 1e-6 or more. Amounts count, not rows: a picture of many objects weighs more. Without any object all
shares are 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection import Positions
from streamsel.selection.columns import Counts

__all__ = ["OTHER", "Balance", "Distribution", "target_shares"]

Distribution = Literal["TARGET", "UNIFORM", "INPUT"]
Values = npt.NDArray[np.float64]

SHARE: Final = 1e-10
"""The smallest share that a logarithm is taken of."""
ENTROPY: Final = 1e-6
"""The smallest cross-entropy that is divided by."""
OTHER: Final = "every other class"
"""The name of the class that stands for all that a target leaves unnamed."""


class Balance:
    """An Objective. counts: of C classes. target: (C,) float64, finite, 0 or more: the shares wanted."""

    def __init__(self, name: str, counts: Counts, target: Values) -> None:
        if target.shape != (len(counts.classes),) or not (np.isfinite(target) & (target >= 0)).all():
            raise UsageError(f"{name}: a target must be {len(counts.classes)} finite shares of 0 or more, got {target}")
        self.name, self._counts, self._target = name, counts.values, target
        first, self._kind = _kinds(counts.values)
        self._amounts = np.ascontiguousarray(counts.values[first].T)
        self._sizes = np.asarray(self._amounts.sum(axis=0))
        self._picked = np.zeros(len(target))
        self._values: Values | None = None

    def now(self) -> float:
        """O of the picks; 0 before one holds an object."""
        if not self._picked.any():
            return 0.0
        nothing = np.zeros((len(self._picked), 1))
        return float(self._objective(nothing, np.zeros(1))[0])

    def values(self) -> Values:
        """(N,) float64, above 0: O with each row."""
        if self._values is None:
            self._values = self._objective(self._amounts, self._sizes)[self._kind]
        return self._values

    def _objective(self, amounts: Values, sizes: Values) -> Values:
        """O of the picks and (C, K) amounts more, (K,) in all; class by class, so that equal kinds are equal."""
        total = sizes + self._picked.sum()
        entropy = np.zeros(len(sizes))
        for target, picked, amount in zip(self._target, self._picked, amounts, strict=True):
            if target > 0:
                share = np.divide(picked + amount, total, out=np.zeros(len(sizes)), where=total > 0)
                entropy -= target * np.log(np.maximum(share, SHARE))
        return 1 / np.maximum(entropy, ENTROPY)

    def settle(self, rows: Positions) -> None:
        """Nothing to do: `values` are exact."""

    def add(self, row: int) -> None:
        """A row becomes a pick."""
        self._picked = self._picked + self._counts[row]
        self._values = None

    def ends(self, row: int) -> str:
        """Never."""
        return ""


def _kinds(counts: Values) -> tuple[Positions, Positions]:
    """Rows of equal counts are one kind: the first row of each kind, (K,), and the kind of each row, (N,).

    Equal rows have the same sum with random factors, so one sort of numbers finds them; that others share it by
    accident is looked at, and then every row is a kind of its own.
    """
    every = np.arange(len(counts))
    mixed = np.einsum("ij,j->i", counts, np.random.default_rng(0).random(counts.shape[1]) + 0.5)
    _, first, kind = np.unique(mixed, return_index=True, return_inverse=True)
    if 2 * len(first) > len(counts) or not np.array_equal(counts[first[kind]], counts):
        return every, every
    return first, kind


def target_shares(
    distribution: Distribution, target_map: Mapping[str, float] | None, counts: Counts
) -> tuple[Counts, Values]:
    """Counts and the target that `Balance` is to reach with them.

    TARGET: the shares of target_map; classes that it does not name share what is missing to 1, as one class, and a
    named class that does not occur keeps its share, which cannot be reached. UNIFORM: the same share for each class
    that occurs. INPUT: the shares that the rows have together.
    Raises UsageError for shares outside 0..1, a sum above 1, or, without a target, rows that hold nothing.
    """
    if distribution == "TARGET":
        return _named(dict(target_map or {}), counts)
    amounts = counts.values.sum(axis=0)
    if not amounts.any():
        raise UsageError(f"BALANCE {distribution} needs rows that hold something to balance: all counts are 0")
    shares = (amounts > 0).astype(np.float64) if distribution == "UNIFORM" else amounts
    return counts, shares / shares.sum()


def _named(shares: Mapping[str, float], counts: Counts) -> tuple[Counts, Values]:
    wrong = {name: share for name, share in shares.items() if not 0 <= share <= 1}
    total = sum(shares.values())
    if wrong or not shares or total > 1 + 1e-6:
        raise UsageError(f"a BALANCE target needs shares of 0 to 1 with a sum of at most 1, got {shares}")
    column = {name: place for place, name in enumerate(counts.classes)}
    absent = np.zeros(len(counts))
    parts = [counts.values[:, column[name]] if name in column else absent for name in shares]
    rest = [place for name, place in column.items() if name not in shares]
    classes, target = tuple(shares), [*shares.values()]
    if rest:
        parts, classes = [*parts, counts.values[:, rest].sum(axis=1)], (*classes, OTHER)
        target.append(max(0.0, 1 - total))
    return Counts(np.stack(parts, axis=1), classes), np.array(target)
