"""Values as they are known of rows (see `streamsel.data.Value`) -> columns. What is wrong is told with its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from streamsel.data import Value
from streamsel.errors import UsageError
from streamsel.selection.columns import Column, Counts, Labels, Numbers

__all__ = ["as_written", "class_of", "labels_of", "one_class_each", "to_column"]

ROUNDED: Final = 5e-4
"""By how much a probability may be off that is written with three decimals."""

Values = Sequence[Value]


def to_column(kind: str, values: Values, names: Sequence[str], what: str, classes: Sequence[str] = ()) -> Column:
    """The column of a kind: `numbers`, `labels` or `counts`.

    names: of the rows, what: of the value, for messages. classes: those that counts have even where no row does.
    Counts of one thing of one class are a label as well. Raises UsageError naming the first row whose value is
    missing or of another kind.
    """
    if kind == "numbers":
        return _numbers(values, names, what)
    if kind == "counts":
        return _counts(values, names, what, classes)
    labels = [_label(value) for value in values]
    _refuse([not isinstance(label, Mapping) for label in labels], values, names, what, "a category")
    return labels_of(labels)


def labels_of(values: Sequence[Any]) -> Labels:
    """Labels as they are."""
    made = np.empty(len(values), object)
    made[:] = list(values)
    return Labels(made)


def _numbers(values: Values, names: Sequence[str], what: str) -> Numbers:
    right = [isinstance(value, int | float) and not isinstance(value, bool) for value in values]
    _refuse(right, values, names, what, "a number")
    made = np.array(values, np.float64)
    _refuse(np.isfinite(made), values, names, what, "a finite number")
    return Numbers(made)


def _counts(values: Values, names: Sequence[str], what: str, classes: Sequence[str]) -> Counts:
    amounts = [_amounts(value) for value in values]
    found = sorted({name for row in amounts for name in row} - set(classes))
    place = {name: i for i, name in enumerate([*classes, *found])}
    made = np.zeros((len(amounts), len(place)))
    for row, amount in enumerate(amounts):
        for name, count in amount.items():
            made[row, place[name]] = count
    _refuse(np.all(np.isfinite(made) & (made >= 0), axis=1), values, names, what, "counts of 0 or more")
    return Counts(made, tuple(place))


def one_class_each(amounts: Counts) -> Counts:
    """Amounts by class as classes that rows are in: rows whose amounts add up to 1 or less are in the largest alone.

    Such amounts are the probabilities of one thing, which is of one class; else a row is in each class of which it
    holds more than 0.
    """
    values = amounts.values
    largest = np.zeros_like(values)
    if values.size:
        places = values.argmax(axis=1)[:, None]
        np.put_along_axis(largest, places, np.take_along_axis(values, places, axis=1), axis=1)
    one = values.sum(axis=1, keepdims=True) <= 1 + ROUNDED * (1 + len(amounts.classes))
    return Counts(np.where(one, largest, values), amounts.classes)


def class_of(label: str | int | float | bool) -> str:
    """What the class of a category is called, where it is counted: booleans as JSON spells them."""
    return str(label).lower() if isinstance(label, bool) else str(label)


def as_written(label: str | int | float | bool) -> str:
    """A category as a config has it: texts in quotes, booleans as JSON spells them."""
    return class_of(label) if isinstance(label, bool) else repr(label)


def _label(value: Value) -> Value:
    """Counts of one thing of one class as that class, of nothing as not known."""
    held = [name for name, amount in value.items() if amount] if isinstance(value, Mapping) else []
    if not isinstance(value, Mapping) or len(held) > 1 or (held and value[held[0]] != 1):
        return value
    return held[0] if held else None


def _amounts(value: Value) -> Mapping[str, float]:
    """Counts as they are; a category counts once; what is not known counts nothing."""
    if isinstance(value, Mapping):
        return value
    return {} if value is None else {class_of(value): 1.0}


def _refuse(right: Any, values: Values, names: Sequence[str], what: str, wanted: str) -> None:
    wrong = np.flatnonzero(~np.asarray(right, bool))
    if not wrong.size:
        return
    value = values[int(wrong[0])]
    found = "nothing is known of it" if value is None else f"found {value!r}"
    more = f" ({wrong.size - 1} more rows like it)" if wrong.size > 1 else ""
    raise UsageError(f"{names[int(wrong[0])]}: {what} must be {wanted}, {found}{more}; mend it or give a default")
