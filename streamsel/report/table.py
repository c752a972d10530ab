"""The table that compares a selection with all frames, every n-th and a random choice of the same size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Column", "Statistics"]


@dataclass(frozen=True, slots=True)
class Column:
    """The figures of one set of rows; NaN: there is none, as for the distances within a single row.

    name: `original` (the weighted coreset of all that was seen), `every n-th`, `random` or `streamsel`. samples:
    number of rows it stands for. mean, min, max, p10, p90: Euclidean distances of all pairs. radius, coverage:
    largest and mean distance of all that was seen to the nearest member. sampled: the five are of a seeded sample.
    """

    name: str
    samples: int
    mean: float
    min: float
    max: float
    p10: float
    p90: float
    radius: float = math.nan
    coverage: float = math.nan
    sampled: bool = False

    def to_json(self) -> dict[str, Any]:
        """The figures by name; None for what is not there."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


_ROWS = {
    "samples": "Number of Samples",
    "mean": "L2 Distance (Mean)",
    "min": "L2 Distance (Min)",
    "max": "L2 Distance (Max)",
    "p10": "L2 Distance (10th Percentile)",
    "p90": "L2 Distance (90th Percentile)",
    "radius": "Covering Radius",
    "coverage": "Mean Distance to Nearest Kept",
}
_OF_PAIRS = frozenset(["mean", "min", "max", "p10", "p90"])


@dataclass(frozen=True, slots=True)
class Statistics:
    """The columns beside each other, the selection last."""

    columns: tuple[Column, ...]

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Column name -> its figures, for `summary.json`."""
        return {column.name: column.to_json() for column in self.columns}

    @classmethod
    def from_json(cls, value: Mapping[str, Mapping[str, Any]]) -> Statistics:
        """The table that `to_json` gave."""
        return cls(tuple(_column(column) for column in value.values()))

    def rows(self) -> list[list[str]]:
        """The table as text: a heading, then a row per figure. A dash where there is none, `~` before estimates."""
        heading = ["Metric", *(column.name for column in self.columns)]
        body = [[label, *(_cell(column, name) for column in self.columns)] for name, label in _ROWS.items()]
        return [heading, *body]

    def table(self) -> Table:
        """The table to be drawn by rich."""
        from rich.table import Table

        heading, *rows = self.rows()
        table = Table()
        for number, name in enumerate(heading):
            table.add_column(name, justify="right" if number else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        return table


def _column(told: Mapping[str, Any]) -> Column:
    figures: dict[str, Any] = {key: math.nan if item is None else item for key, item in told.items()}
    return Column(**figures)


def _cell(column: Column, name: str) -> str:
    value = getattr(column, name)
    if name == "samples":
        return f"{value:,}"
    if math.isnan(value):
        return "-"
    return f"{'~' if column.sampled and name in _OF_PAIRS else ''}{value:.4f}"
