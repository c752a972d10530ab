"""selection: strategies, the two drivers that apply them, and the figures that judge a selection.

A Strategy values rows of one column; it never looks at frames:

- `gain(rows)` -> (B,) float64, what each row would add now; never changes state.
- `add(row)` takes one row in.
- `state()` -> dict of arrays, from which `restore(state)` makes the same object again.

A Selector drives strategies over candidates. Stream drivers decide in `offer`, budget drivers in `finish`.
Laws, checked for each by `streamsel.testing.check_strategy` and `check_selector`: rows judged one by one equal
rows judged together, any cut into blocks gives the same, a snapshot restored changes nothing, inputs are not
modified, NaN, wrong dimensions and empty tables are errors that name the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector

__all__ = ["State", "Strategy"]

State = Mapping[str, npt.NDArray[Any]]


@runtime_checkable
class Strategy(Protocol):
    """One idea of what makes a row worth picking. See the module's text for the laws."""

    name: str

    def gain(self, rows: Vector) -> npt.NDArray[np.float64]: ...

    def add(self, row: Vector) -> None: ...

    def state(self) -> State: ...
