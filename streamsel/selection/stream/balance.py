"""BALANCE: what brings the shares of classes among the picks nearer to their targets is worth picking.

The budget's objective is 1 / CE, with CE the cross-entropy of the shares among the picks against the target shares.
The stream's gain is the step of its logarithm, times the number of picks there would be, so that it does not fade as
picks grow more: (|S| + 1) * (ln CE(S) - ln CE(S + row)).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection import State, Strategy
from streamsel.selection.columns import Batch, Counts
from streamsel.selection.stream.reading import column_of

__all__ = ["Balance"]

Amounts = dict[str, float]
"""How much of each class; one that is not named counts 0."""

SMALLEST_SHARE: Final = 1e-10
SMALLEST_ENTROPY: Final = 1e-6
OTHER: Final = "\0other"
"""Under this name all classes that a closed target does not name are counted."""


class _Measured(NamedTuple):
    values: npt.NDArray[np.float64]
    classes: Sequence[str]

    def of(self, row: int) -> Amounts:
        return _named(self.classes, self.values[row])


class Balance(Strategy):
    """Steers the classes' shares among the picks. column: the Counts that it reads; batches may differ in classes.

    target: one of
    - shares by class (TARGET), 0 or more, not all 0: what is left to 1 is the share of all other classes together;
    - `UNIFORM`: the same share for each of `classes` (the schema's), or for each class met so far where None is given;
    - `INPUT`: the shares of all that was offered so far, the row itself included.

    The gain has any sign. It is 0 for a row without objects, and until objects have been picked. Raises UsageError.
    """

    def __init__(
        self,
        column: str,
        target: Mapping[str, float] | str,
        *,
        classes: Sequence[str] | None = None,
        name: str = "BALANCE",
    ) -> None:
        self.name, self.column = name, column
        self._closed = _closed(target, classes)
        self._uniform = target == "UNIFORM"
        self._picks = 0
        self._picked: Amounts = {}
        self._offered: Amounts = {}

    def measure(self, batch: Batch) -> _Measured:
        """The counts."""
        counts = column_of(batch, self.column, Counts)
        return _Measured(counts.values, counts.classes)

    def value(self, measured: _Measured, row: int) -> float:
        """The step of -ln CE times the picks there would be; any sign."""
        amounts = self._own(measured.of(row))
        if not amounts or not self._picked:
            return 0.0
        target = self._target(amounts)
        before, after = _entropy(target, self._picked), _entropy(target, _sum(self._picked, amounts))
        return (self._picks + 1) * (math.log(before) - math.log(after))

    def see(self, measured: _Measured, row: int) -> None:
        """Classes are met, and the shares of what was offered move."""
        if self._closed is None:
            self._offered = _sum(self._offered, measured.of(row))

    def add(self, measured: _Measured, row: int) -> None:
        """The row's objects are picked."""
        self._picks += 1
        self._picked = _sum(self._picked, self._own(measured.of(row)))

    def _own(self, amounts: Amounts) -> Amounts:
        """Amounts by the target's classes."""
        if self._closed is None:
            return amounts
        own: Amounts = {}
        for name, amount in amounts.items():
            name = name if name in self._closed else OTHER
            own[name] = own.get(name, 0.0) + amount
        return own

    def _target(self, amounts: Amounts) -> Amounts:
        if self._closed is not None:
            return self._closed
        offered = _sum(self._offered, amounts)
        return _shares(dict.fromkeys(offered, 1.0) if self._uniform else offered)

    def state(self) -> State:
        """`picks`, and the `classes`, JSON, with what of each was `picked` and `offered`."""
        classes = list({**self._offered, **self._picked})
        return {
            "picks": np.array(self._picks),
            "classes": np.frombuffer(json.dumps(classes).encode(), np.uint8).copy(),
            "picked": np.array([self._picked.get(name, 0.0) for name in classes], np.float64),
            "offered": np.array([self._offered.get(name, 0.0) for name in classes], np.float64),
        }

    def restore(self, state: State) -> Self:
        """Become what `state` came from, with one's own target."""
        self._picks = int(state["picks"])
        classes = json.loads(state["classes"].tobytes())
        self._picked = _named(classes, state["picked"])
        self._offered = _named(classes, state["offered"])
        return self


def _closed(target: Mapping[str, float] | str, classes: Sequence[str] | None) -> Amounts | None:
    """Shares by class with OTHER among them; None where the classes are those that are met."""
    if target == "INPUT" or (target == "UNIFORM" and classes is None):
        return None
    if target == "UNIFORM":
        target = dict.fromkeys(classes or (), 1 / max(1, len(classes or ())))
    if isinstance(target, str):
        raise UsageError(f"target must be shares by class, UNIFORM or INPUT, got {target!r}")
    shares = {str(name): float(share) for name, share in target.items()}
    if not all(0 <= share < math.inf for share in shares.values()) or not any(shares.values()):
        raise UsageError(f"target shares must be 0 or more, finite and not all 0, got {shares}")
    return {**shares, OTHER: max(0.0, 1 - math.fsum(shares.values()))}


def _named(classes: Sequence[str], amounts: npt.NDArray[np.float64]) -> Amounts:
    return {name: amount for name, amount in zip(classes, amounts.tolist(), strict=True) if amount > 0}


def _sum(left: Amounts, right: Amounts) -> Amounts:
    return {**left, **{name: left.get(name, 0.0) + amount for name, amount in right.items()}}


def _shares(amounts: Amounts) -> Amounts:
    total = math.fsum(amounts.values())
    return {name: amount / total for name, amount in amounts.items()}


def _entropy(target: Amounts, amounts: Amounts) -> float:
    """Cross-entropy, at least SMALLEST_ENTROPY; the sums are exact, so that the order of the classes is the same."""
    total = math.fsum(amounts.values())
    terms = (share * math.log(max(amounts.get(name, 0.0) / total, SMALLEST_SHARE)) for name, share in target.items())
    return max(-math.fsum(terms), SMALLEST_ENTROPY)
