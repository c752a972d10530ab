"""pool: what was picked before, by any run, in one open file that only grows.

A pool remembers picks with their vectors, so that a later run takes them as selected already, looks only at sources
that no run has looked at, and appends what it picks in one atomic step. `datapool` is the file, `merging` makes one
pool of several, `layout` says what the Parquet file holds.

One process at a time works on a pool; others may read it meanwhile, and see it as it was before or after a step. A
process may be killed at any moment: the file then holds the old pool or the new one, and a run that is repeated is
counted once. Rows stand in the order of the runs, those of one run together in the order picked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from streamsel.data import Value, Vector
from streamsel.errors import UsageError

__all__ = ["Entry", "Run"]

_RUN = re.compile(r"[\w.:-]{1,128}")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One pick that a pool remembers.

    id: what it is called, once in a pool. source: id of the source that it is from. name: the frame's name as
    predictions and metadata call it. vector: (D,) float32, finite. values: what else is known of it, by the key that
    selection configs use, so that sums and balances count it too.

    Raises UsageError that names the id.
    """

    id: str
    source: str
    name: str
    vector: Vector = field(repr=False)
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.id:
            raise UsageError("an entry of a pool must have an id")
        if self.vector.ndim != 1 or self.vector.dtype != np.float32:
            raise UsageError(f"{self.id}: vector must be (D,) float32, got {self.vector.shape} {self.vector.dtype}")
        if not np.isfinite(self.vector).all():
            raise UsageError(f"{self.id}: NaN or infinity in its vector; it cannot be remembered")


@dataclass(frozen=True, slots=True)
class Run:
    """One run that a pool remembers.

    id: told apart by it, a UUID or the like. time: when it picked, with a zone; kept in UTC to the microsecond. config:
    a summary for the history. sources: ids of all the sources that it has looked at, whether it picked there or not.
    count: entries that it added; the pool counts them.
    """

    id: str
    time: datetime
    config: str = ""
    sources: tuple[str, ...] = field(default=(), repr=False)
    count: int = 0

    def __post_init__(self) -> None:
        if not _RUN.fullmatch(self.id):
            raise UsageError(f"the id of a run must be 1 to 128 letters, digits and . : - _, got {self.id!r}")
        if self.time.tzinfo is None:
            raise UsageError(f"run {self.id}: its time must have a zone, got {self.time.isoformat()}")
        object.__setattr__(self, "time", self.time.astimezone(UTC))
