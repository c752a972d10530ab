"""The budget mode's scout: one pass keeps a bounded coreset of rows, of which only the survivors are embedded.

Each file has a coreset of its own, merged into the run's in source order as the file ends. Rows are numbered over
the whole run, in the order they were looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.coreset import Coreset
from streamsel.data import Decision, Vector
from streamsel.embed import Looked, Window
from streamsel.embed.baseline import Samples
from streamsel.embed.reserve import Reserve

__all__ = ["Shape", "Shortlist"]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a shortlist is built: members at most, dimension of the descriptors, share spread evenly in time."""

    capacity: int
    dim: int
    uniform: float = field(default=0.5)

    def empty(self, expected: int | None = None) -> Coreset:
        """A coreset of this shape."""
        return Coreset(self.capacity, self.dim, uniform=self.uniform, expected=expected)


class Shortlist:
    """Looks at every row, keeps what the coreset, the reserve and the report's samples hold.

    describe: block of windows -> (B, dim) float32 unit descriptors. keep_vectors: the descriptors are the judge's own
    embeddings (`--effort exact`) and are kept in place of pictures. first: number of the first row. reserve: what is
    kept whatever it looks like; None: nothing is.
    """

    def __init__(
        self,
        describe: Callable[[Sequence[Window]], Vector],
        shape: Shape,
        samples: Samples,
        *,
        keep_vectors: bool = False,
        first: int = 0,
        reserve: Reserve | None = None,
    ) -> None:
        self._describe, self._shape, self.samples, self._larder = describe, shape, samples, samples.larder
        self._keep_vectors, self._first, self._reserve = keep_vectors, first, reserve
        self._run = shape.empty()
        self._file = shape.empty()
        self._demanded: list[int] = []

    @property
    def seen(self) -> int:
        """Rows so far, of sources that ended and of this one."""
        return self._base + self._file.seen

    @property
    def _base(self) -> int:
        """Number of this source's first row."""
        return self._first + self._run.seen

    def begin(self, expected: int | None) -> None:
        """A source starts, of about so many rows."""
        if self._file.seen == 0:
            self._file = self._shape.empty(expected)
            self.samples.expect(expected)

    def look(self, block: Sequence[Window], worth: npt.NDArray[np.float32] | None = None) -> Looked:
        """Take a block in. Nothing is judged before `finish`. worth: of rows that look alike the best one stays; what
        is worth infinity stays beside what it looks like, and so does what the reserve holds."""
        rows = self._describe(block)
        base = self._base
        ids = np.arange(len(block)) + self.seen
        changes = self._file.offer(rows, worth)
        demanded = np.zeros(len(block), bool) if worth is None else np.isposinf(worth)
        self._demanded += ids[demanded].tolist()
        used = Counter([*(changes.admitted + base).tolist(), *ids[demanded].tolist()])
        reserved: list[int] = []
        for place, (row, window, vector) in enumerate(zip(ids.tolist(), block, rows, strict=True)):
            kept = vector if self._keep_vectors else None
            joined, left = self._joined(row, window, 0.0 if worth is None else float(worth[place]))
            for _ in range(used[row] + joined):
                self._larder.hold(row, window, kept)
            self._release(left)
            reserved += [place] if joined else []
            self.samples.offer(row, window, kept)
        self._release(changes.evicted + base)
        heirs = _pairs(changes.evicted + base, changes.heirs + base)
        holders = np.where(demanded, ids, changes.holders + base)
        heirs |= {row: holder for row, holder in _pairs(ids[reserved], holders[reserved]).items() if row != holder}
        holders[reserved] = ids[reserved]
        return Looked(ids=ids.tolist(), holders=holders.tolist(), heirs=heirs)

    def _joined(self, row: int, window: Window, worth: float) -> tuple[int, list[int]]:
        """See `Reserve.offer`; what must be picked stays without it."""
        return (0, []) if self._reserve is None or worth == np.inf else self._reserve.offer(row, window, worth)

    @property
    def _reserved(self) -> list[int]:
        return [] if self._reserve is None else self._reserve.rows()

    def _release(self, rows: Any) -> None:
        for row in rows:
            self._larder.release(int(row))

    def settle(self, rows: Sequence[int], decisions: Sequence[Decision]) -> None:
        """Nothing is decided before the end."""

    def end(self) -> dict[int, int]:
        """A source ended: its coreset joins the run's, or becomes it. Gives the heirs of the rows that left."""
        theirs, self._file = self._file, self._shape.empty()
        if not self._run.seen:
            self._run = theirs
            return {}
        ids = theirs.members().ids + self._base
        changes = self._run.merge(theirs)
        holders, evicted = changes.holders + self._first, changes.evicted + self._first
        left = holders != ids
        self._release(ids[left])
        self._release(evicted)
        return _pairs(ids[left], holders[left]) | _pairs(evicted, changes.heirs + self._first)

    def finish(self) -> tuple[list[int], list[int]]:
        """The rows to judge, in order of arrival, and how many rows each stands for."""
        counts = dict.fromkeys([*self._demanded, *self._reserved], 0) | dict(zip(*self.overview(), strict=True))
        ids = sorted(counts)
        return ids, [counts[row] for row in ids]

    def overview(self) -> tuple[list[int], list[int]]:
        """The same rows, without those that were kept whatever they look like."""
        members = self._run.members()
        return (members.ids + self._first).tolist(), members.weights.tolist()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it, as named arrays."""
        parts = {"run": self._run.state(), "file": self._file.state(), "samples": self.samples.state()}
        if self._reserve is not None:
            parts["reserve"] = self._reserve.state()
        named = {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        return {**named, "demanded.rows": np.array(self._demanded, np.int64)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        parts: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = array
        self._run, self._file = Coreset.from_state(parts["run"]), Coreset.from_state(parts["file"])
        self.samples.restore(parts["samples"])
        self._demanded = parts["demanded"]["rows"].tolist()
        if self._reserve is not None:
            self._reserve.restore(parts["reserve"])
        users = [self._run.members().ids + self._first, self._file.members().ids + self._base]
        self._larder.restore([*np.concatenate(users).tolist(), *self._demanded, *self._reserved, *self.samples.users()])


def _pairs(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> dict[int, int]:
    return dict(zip(left.tolist(), right.tolist(), strict=True))
