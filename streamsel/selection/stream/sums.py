"""WEIGHTS and RANDOM: a row is worth the number that comes with it, whatever has been picked."""

from __future__ import annotations

from typing import Self

from streamsel.selection import State, Strategy
from streamsel.selection.columns import Batch, Numbers
from streamsel.selection.stream.reading import column_of

__all__ = ["Sums"]


class Sums(Strategy):
    """The gain is the number itself, of any sign and unit: metadata, scores, counts; for RANDOM see `random_numbers`.

    column: the Numbers that it reads. name: `WEIGHTS`, `RANDOM`, or longer where there are several.
    """

    def __init__(self, column: str, name: str = "WEIGHTS") -> None:
        self.name, self.column = name, column

    def measure(self, batch: Batch) -> Numbers:
        """The numbers."""
        return column_of(batch, self.column, Numbers)

    def value(self, measured: Numbers, row: int) -> float:
        """The row's number."""
        return float(measured.values[row])

    def state(self) -> State:
        """Nothing is remembered."""
        return {}

    def restore(self, state: State) -> Self:
        """Nothing to do."""
        return self
