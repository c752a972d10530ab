"""stream: each row decided once, as it comes, for good: strategies, the rate controller and the OnePass driver.

A StreamConstraint forbids rows, or demands them, whatever their gain; it is asked of every row in turn.
"""

from __future__ import annotations

from typing import Protocol

from streamsel.selection import State
from streamsel.selection.columns import Batch

__all__ = ["StreamConstraint"]


class StreamConstraint(Protocol):
    """What is hard, beside the goals."""

    name: str

    def allows(self, batch: Batch, row: int) -> bool:
        """Whether this row may be kept now; changes nothing."""
        ...

    def must(self, batch: Batch, row: int) -> bool:
        """Whether this row is kept whatever anything else says; changes nothing."""
        ...

    def add(self, batch: Batch, row: int) -> None:
        """This row is a pick."""
        ...

    def state(self) -> State:
        """All that it remembers of the picks, as arrays."""
        ...

    def restore(self, state: State) -> object:
        """Become what `state` was taken from."""
        ...
