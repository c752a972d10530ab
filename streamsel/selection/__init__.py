"""selection: strategies, the two drivers that apply them, and the figures that judge a selection.

A Strategy values rows of one column; it never looks at frames:

- `gain(rows)` -> (B,) float64, what each row would add now; never changes state.
- `add(row)` takes one row in.
- `state()` -> dict of arrays, from which `restore(state)` makes the same object again.

A Selector drives strategies over candidates. Stream drivers decide in `offer`, budget drivers in `finish`.
Laws, checked for each by `streamsel.testing.check_strategy` and `streamsel.testing.check_selector`: rows judged one
by one equal rows judged together, any cut into blocks gives the same, a snapshot restored changes nothing, inputs are
not modified, NaN, infinity and wrong dimensions are errors that name the row or the shape and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Vector

__all__ = ["Selector", "State", "Strategy"]

State = Mapping[str, npt.NDArray[Any]]


@runtime_checkable
class Strategy(Protocol):
    """One idea of what makes a row worth picking. See the module's text for the laws."""

    name: str

    def gain(self, rows: Vector) -> npt.NDArray[np.float64]:
        """What each of (B, D) rows would add now."""
        ...

    def add(self, row: Vector) -> None:
        """Take one (D,) row in."""
        ...

    def state(self) -> State:
        """All of it, as arrays."""
        ...


class Selector(Protocol):
    """A driver. A stream decides in `offer`, a budget in `finish`; the other of the two gives nothing."""

    looked: int
    """Rows looked at so far, whether they were offered or held by a scout."""

    def __len__(self) -> int:
        """Picks so far."""
        ...

    def offer(self, rows: Vector, looked: Sequence[int] | None = None) -> list[Decision]:
        """Take (B, D) rows in. looked: rows looked at since the one offered before, each counted with its own."""
        ...

    def finish(self, n: int) -> tuple[list[int], list[Decision]]:
        """Positions, in the order offered, of at most n picks in the order picked; and a decision on every row."""
        ...

    def state(self) -> State:
        """What `restore` needs beside the picks' vectors."""
        ...

    def restore(self, state: State) -> object:
        """Become what `state` was taken from; `state` also holds the `picks`, (M, D)."""
        ...
