"""THRESHOLD: which rows pass a comparison of one column, before everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.errors import UsageError
from streamsel.selection.columns import Label, Labels, Numbers
from streamsel.selection.groups import identity

__all__ = ["passes"]

Mask = npt.NDArray[np.bool_]

COMPARED: Final = {
    "SMALLER": np.less,
    "SMALLER_EQUAL": np.less_equal,
    "BIGGER": np.greater,
    "BIGGER_EQUAL": np.greater_equal,
}
ONE_OF: Final = {"EQUAL": True, "IN": True, "NOT_EQUAL": False, "NOT_IN": False}
"""Operations that ask whether a value is one of some, and whether it should be."""


def passes(
    column: Numbers | Labels,
    operation: str,
    threshold: Label | None = None,
    *,
    values: Sequence[Label] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Mask:
    """(N,) bool: the rows that pass.

    SMALLER, SMALLER_EQUAL, BIGGER, BIGGER_EQUAL compare Numbers with the number `threshold`; BETWEEN wants minimum <=
    number <= maximum. EQUAL and NOT_EQUAL compare with `threshold`, IN and NOT_IN with `values`; numbers, texts and
    booleans alike, and of another kind is never equal: 1 is not true, and not "1". A label that is not known, None,
    equals nothing, so it passes NOT_EQUAL and NOT_IN and no other. Raises UsageError for an operation that there is
    not, without what it compares with, or on a column that it cannot compare.
    """
    if operation in ONE_OF:
        if operation.endswith("EQUAL"):
            values = (_given(operation, "threshold", threshold),)
        return _among(column, _given(operation, "values", values), wanted=ONE_OF[operation])
    if operation == "BETWEEN":
        numbers = _numbers(column, operation)
        low: float = _given(operation, "minimum", minimum)
        high: float = _given(operation, "maximum", maximum)
        return (numbers >= low) & (numbers <= high)
    if operation not in COMPARED:
        known = ", ".join([*COMPARED, *ONE_OF, "BETWEEN"])
        raise UsageError(f"operation must be one of {known}, got {operation!r}")
    return _compared(_numbers(column, operation), operation, _given(operation, "threshold", threshold))


def _given(operation: str, name: str, value: Any) -> Any:
    if value is None:
        raise UsageError(f"operation {operation} needs {name}")
    return value


def _numbers(column: Numbers | Labels, operation: str) -> npt.NDArray[np.float64]:
    if isinstance(column, Numbers):
        return column.values
    raise UsageError(f"operation {operation} compares numbers, these are labels: use EQUAL, NOT_EQUAL, IN or NOT_IN")


def _compared(numbers: npt.NDArray[np.float64], operation: str, threshold: Label) -> Mask:
    if isinstance(threshold, str | bool):
        raise UsageError(f"operation {operation} takes a number as threshold, got {threshold!r}")
    passed: Mask = COMPARED[operation](numbers, threshold)
    return passed


def _among(column: Numbers | Labels, values: Sequence[Label], *, wanted: bool) -> Mask:
    """Rows whose value is one of these; the others where that is not wanted."""
    if isinstance(column, Numbers):
        numbers = [value for value in values if not isinstance(value, str | bool)]
        return np.isin(column.values, np.array(numbers, np.float64), invert=not wanted)
    known = {identity(value) for value in values}
    found = np.fromiter((identity(label) in known for label in column.values), bool, len(column))
    return found if wanted else ~found
