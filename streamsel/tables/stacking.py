"""Vectors gathered block by block into one allocation, from Arrow's lists of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.tables import Objects

__all__ = ["Stack", "is_list", "stacked", "stacked_objects"]


class Stack:
    """Takes at most `capacity` rows of one dimension; memory that is not filled is not used."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._memory: Vector | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, rows: Vector) -> None:
        """Append (B, D) rows; the first ones settle D."""
        if self._memory is None:
            self._memory = np.empty((self._capacity, rows.shape[1]), np.float32)
        self._memory[self._length : self._length + len(rows)] = rows
        self._length += len(rows)

    @property
    def dim(self) -> int | None:
        """D, or None before the first row."""
        return None if self._memory is None else self._memory.shape[1]

    @property
    def rows(self) -> Vector:
        """(N, D) float32: a view of what was added."""
        return np.empty((0, 0), np.float32) if self._memory is None else self._memory[: self._length]


def is_list(kind: pa.DataType) -> bool:
    """Whether values of this type are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def stacked(chunks: Iterable[pa.Array], capacity: int) -> Vector:
    """(N, D) float32 from chunks of lists of D numbers. Raises UsageError naming the row whose list is different."""
    stack = Stack(capacity)
    for lists in chunks:
        _add(stack, lists, lambda place: f"row {len(stack) + place}: its vector")
    return stack.rows


def stacked_objects(chunks: Iterable[pa.Array], capacity: int) -> Objects:
    """The vectors of each row's objects from chunks of lists of lists of numbers; capacity: numbers in all."""
    stack, ends, rows = Stack(0), [np.zeros(0, np.int64)], 0
    for outer in chunks:
        inside = np.cumsum(_lengths(outer))
        ends.append(len(stack) + inside)
        inner = outer.flatten()
        if len(inner) and stack.dim is None:
            stack = Stack(capacity // max(1, int(_lengths(inner)[0])))
        _add(stack, inner, _owner(inside, rows))
        rows += len(outer)
    return Objects(stack.rows, np.concatenate(ends))


def _owner(inside: npt.NDArray[np.int64], start: int) -> Callable[[int], str]:
    return lambda place: f"row {start + int(np.searchsorted(inside, place, 'right'))}: the vector of an object"


def _add(stack: Stack, lists: pa.Array, called: Callable[[int], str]) -> None:
    lengths = _lengths(lists)
    if not len(lengths):
        return
    dim = stack.dim or int(lengths[0]) or int(lengths.max())
    wrong = np.flatnonzero((lengths != dim) | (lengths == 0))
    if len(wrong):
        raise UsageError(
            f"{called(int(wrong[0]))} holds {lengths[wrong[0]]} numbers, others {dim}: all must have the same dimension"
        )
    numbers = pc.cast(lists.flatten(), pa.float32(), safe=False)
    stack.add(numbers.to_numpy(zero_copy_only=False).reshape(-1, dim))


def _lengths(lists: pa.Array) -> npt.NDArray[np.int64]:
    lengths = pc.if_else(pc.is_valid(lists), pc.list_value_length(lists), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)
