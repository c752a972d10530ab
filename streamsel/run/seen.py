"""What a stream has embedded so far, in bounded memory: for the statistics at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.coreset import Coreset
from streamsel.data import Vector

__all__ = ["Seen"]


class Seen:
    """A coreset of embedded rows, known by their row numbers."""

    def __init__(self, coreset: Coreset) -> None:
        self._coreset = coreset
        self._rows: dict[int, int] = {}  # number within the coreset -> row, for members

    def offer(self, rows: Sequence[int], vectors: Vector) -> dict[int, int]:
        """Take rows in; gives for each that is no member (any more) the row that stands for it."""
        first = self._coreset.seen
        changes = self._coreset.offer(vectors)
        self._rows.update({first + i: row for i, row in enumerate(rows)})
        heirs = {row: self._rows[int(h)] for row, h in zip(rows, changes.holders, strict=True)}
        heirs |= {self._rows[int(e)]: self._rows[int(h)] for e, h in zip(changes.evicted, changes.heirs, strict=True)}
        members = set(self._coreset.members().ids.tolist())
        self._rows = {number: row for number, row in self._rows.items() if number in members}
        return {row: heir for row, heir in heirs.items() if row != heir}

    def members(self) -> tuple[list[int], Vector]:
        """The rows that stand for all others, and their (M, D) vectors."""
        members = self._coreset.members()
        return [self._rows[number] for number in members.ids.tolist()], members.rows

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it, as named arrays."""
        numbers = np.array(sorted(self._rows.items()), np.int64).reshape(-1, 2)
        return {"numbers": numbers, **{f"coreset.{name}": array for name, array in self._coreset.state().items()}}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self._rows = dict(arrays["numbers"].tolist())
        parts = {name.removeprefix("coreset."): array for name, array in arrays.items() if name.startswith("coreset.")}
        self._coreset = Coreset.from_state(parts)
