"""selection: strategies, the two drivers that apply them, and the figures that judge a selection.

`columns` is what they read of rows. One set of strategies, two drivers (`budget/`, `stream/`), one file per strategy
in each; `formulas` is what both forms share. They never look at frames.

A Strategy is the stream's form: it tells what a row would add now, and is told of every row offered and of every pick.

An Objective is the budget's form, over a table of candidates that is all there: `values()` tells what the objective
would be with each of them picked next. A Constraint forbids picks whatever their gain.

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
from streamsel.selection.columns import Batch

__all__ = ["Constraint", "Objective", "Positions", "Selector", "State", "Strategy"]

State = Mapping[str, npt.NDArray[Any]]
Positions = npt.NDArray[np.int64]


@runtime_checkable
class Strategy(Protocol):
    """One idea of what makes a row worth picking, to be inherited from. See the module's text for the laws.

    Rows come in batches and are decided one after the other. So what costs time is measured for a batch at once, and
    a row's gain is then asked for when its turn comes: `value` must be that of a measure taken at that moment.
    """

    name: str
    """What its gains are called in the manifest: `DIVERSITY`, `WEIGHTS lightly.sharpness`."""

    scaled: bool = True
    """Whether its gains have a unit, by whose recent mean a driver divides them."""

    def measure(self, batch: Batch) -> Any:
        """All that `value`, `see` and `add` need of these rows, of any kind; changes nothing.

        Raises UsageError for a batch without its column, or with one of another kind or length of vectors.
        """
        ...

    def value(self, measured: Any, row: int) -> float:
        """What this row of a measured batch would add now; changes nothing."""
        ...

    def gain(self, batch: Batch) -> npt.NDArray[np.float64]:
        """(B,): what each row would add if it came next."""
        measured = self.measure(batch)
        return np.array([self.value(measured, row) for row in range(len(batch))], np.float64)

    def see(self, measured: Any, row: int) -> None:
        """This row was offered, before anything was decided on the next; called once for each row offered."""
        return None

    def add(self, measured: Any, row: int) -> None:
        """This row is a pick, after it was seen where it was offered."""
        return None

    def know(self, batch: Batch) -> None:
        """All of these are picks that were made elsewhere."""
        measured = self.measure(batch)
        for row in range(len(batch)):
            self.add(measured, row)

    def state(self) -> State:
        """All of it, as arrays."""
        ...

    def restore(self, state: State) -> object:
        """Become what `state` was taken from."""
        ...


class Objective(Protocol):
    """One strategy over a table of N candidates: the O of the potential, the sum of strength * ln O over strategies."""

    name: str
    """What its gains are called in the manifest: `DIVERSITY`, `WEIGHTS lightly.sharpness`."""

    def now(self) -> float:
        """O(picks): what `values` is compared with to tell what a pick gained; 0 where it is not defined yet."""
        ...

    def values(self) -> npt.NDArray[np.float64]:
        """(N,): O(picks + this candidate); an upper bound where `settle` was not called since the last `add`."""
        ...

    def settle(self, rows: Positions) -> None:
        """Make `values` exact for these candidates."""
        ...

    def add(self, row: int) -> None:
        """A candidate becomes a pick."""
        ...

    def ends(self, row: int) -> str:
        """Why the run ends rather than picking this row, the best one: a stopping condition. Empty: it goes on."""
        ...


class Constraint(Protocol):
    """Forbids picks whatever their gain. What is forbidden once stays forbidden, so only the best row is ever asked."""

    name: str

    def forbids(self, row: int) -> bool:
        """Whether this candidate may not be picked any more."""
        ...

    def add(self, row: int) -> None:
        """A candidate becomes a pick."""
        ...

    def wants(self, left: int) -> npt.NDArray[np.bool_] | None:
        """(N,): among which the next pick must be, with so many picks left; None: among all."""
        ...


class Selector(Protocol):
    """A driver. A stream decides in `offer`, a budget in `finish`; the other of the two gives nothing."""

    @property
    def looked(self) -> int:
        """Rows looked at so far, whether they were offered or held by a scout."""
        ...

    def __len__(self) -> int:
        """Picks so far."""
        ...

    def offer(self, rows: Vector | Batch, looked: Sequence[int] | None = None) -> list[Decision]:
        """Take rows in: a Batch, or (B, D) EMBEDDINGS.

        looked: rows looked at since the one offered before, each counted with its own; 1 each unless given.
        """
        ...

    def finish(self, n: int) -> tuple[list[int], list[Decision]]:
        """Positions, in the order offered, of at most n picks in the order picked; and a decision on every row."""
        ...

    def state(self) -> State:
        """What `restore` needs beside the picks' embeddings."""
        ...

    def restore(self, state: State) -> object:
        """Become what `state` was taken from; `state` also holds the `picks`, (M, D)."""
        ...
