"""Keys: what a value is called outside, in tables, manifests and pools: `weather`, `cars.uncertainty_entropy`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamsel.config import SelectionConfig
from streamsel.config.constraints import MinGap, Quota
from streamsel.data import Value
from streamsel.selection.columns import Batch, Counts, Labels, Numbers

__all__ = ["key_of", "keys_of", "signals_of"]

PLACES: Final = ("SOURCE", "TIME")
"""Columns that a minimum gap reads."""


def key_of(read: Any) -> str:
    """The key of what an input of the config reads."""
    if read.type == "METADATA":
        return str(read.key)
    if read.type == "SCORES":
        return f"{read.task}.{read.score}"
    if read.type == "PREDICTIONS":
        counted = getattr(read, "categories", None)
        return f"{read.task}.{read.name}" + (f".{','.join(sorted(counted))}" if counted else "")
    return str(getattr(read, "column", read.type))


def keys_of(config: SelectionConfig) -> dict[str, str]:
    """Column -> key, for each column of values that a config reads."""
    entries = [entry for entry in config.strategies if entry.kind not in ("vectors", "objects")]
    read: list[tuple[str, Any]] = [(entry.column, entry.input) for entry in entries]
    read += [(one.column, one.per) for one in config.constraints if isinstance(one, Quota)]
    gaps = any(isinstance(one, MinGap) for one in config.constraints)
    return {column: key_of(one) for column, one in read} | {place: place for place in PLACES if gaps}


def signals_of(keys: Mapping[str, str], batch: Batch, row: int) -> dict[str, Value]:
    """What the selection read of one row, by key; counts without the classes of which there are none."""
    return {key: _plain(batch[column], row) for column, key in keys.items() if column in batch.columns}


def _plain(column: Any, row: int) -> Value:
    match column:
        case Numbers():
            return float(column.values[row])
        case Labels():
            return column.values[row]  # type: ignore[no-any-return]
        case Counts():
            amounts = zip(column.classes, column.values[row].tolist(), strict=True)
            return {name: amount for name, amount in amounts if amount}
    return None
