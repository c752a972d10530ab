"""embed: pictures -> unit vectors; the scout's cheap descriptors; pooling of sequences.

The contract, kept by every embedder and checked by `streamsel.testing.check_embedder`:

- `embed` takes (B, height, width, 3) uint8 RGB, any B >= 0, already of `size`, and gives (B, dim) float32 of unit
  norm. A row's bits do not depend on its neighbours or on B: shapes are static, the last batch is padded.
- `name` identifies weights, preprocessing, precision and device: equal names mean comparable vectors.
- `novelty_distance` is the distance that best separates 'same shot, small change' from 'another shot' for this
  model (0..2), derived by `benchmarks/novelty.py`.
- Loading raises ModelError; embedding does not fail on any picture.

A Scout looks at every window first and may only say 'surely not new'. It numbers rows over the whole run, in the
order looked at. What it lets through at once comes back from `look`, what only the end can tell from `finish`.
Its `state` after a block is all that `restore` needs to go on with the next block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from streamsel.data import Box, Decision, Frame, Mark, Pixels, Value, Vector

if TYPE_CHECKING:
    from streamsel.embed.baseline import Samples

__all__ = ["Embedder", "Looked", "Row", "Scout", "Window"]

Window = tuple[Frame, ...]
"""L consecutive frames; L = 1 is the ordinary case."""


class Embedder(Protocol):
    """A model that turns pictures into vectors. See the module's text for the laws."""

    name: str
    dim: int
    size: tuple[int, int]
    """Width and height of the pictures it takes."""
    batch: int
    """How many pictures it likes at once."""

    @property
    def novelty_distance(self) -> float:
        """0..2; raises ModelError for a user's model that came without one."""
        ...

    def embed(self, pictures: Pixels) -> Vector:
        """Vectors of pictures; see the module's text."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to judge: a window's place, and of each of its frames the judge-size picture.

    pictures: (H, W, 3) uint8 each; None where the scout held the frame for that one embedded last. vector: set where
    it is known already. window: the frames themselves, while they are still in memory. signals: those of its frames.
    box: the object of its frame that is judged, None for the whole frame.
    """

    id: int
    marks: tuple[Mark, ...]
    pictures: tuple[Pixels | None, ...] = field(default=(), repr=False)
    vector: Vector | None = field(default=None, repr=False)
    window: Window = field(default=(), repr=False)
    signals: Mapping[str, Value] = field(default_factory=dict, repr=False)
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What the scout made of a block.

    rows: to be judged now. holders: for each window of the block the row that stands for it (its own id: none does).
    heirs: rows that stood for others or for themselves, and who stands for them where they are not judged in the end.
    """

    ids: Sequence[int]
    holders: Sequence[int]
    rows: Sequence[Row] = ()
    heirs: Mapping[int, int] = field(default_factory=dict)


class Scout(Protocol):
    """Looks at every window; see the module's text."""

    @property
    def samples(self) -> Samples:
        """What the report compares the picks with."""
        ...

    @property
    def seen(self) -> int:
        """Rows so far: the number of the next one."""
        ...

    def begin(self, expected: int | None) -> None:
        """A source starts, of about so many windows."""

    def look(self, block: Sequence[Window], worth: npt.NDArray[np.float32] | None = None) -> Looked:
        """Take a block of one or more windows in.

        worth: (B,), by which windows that look alike are told apart; None: they are not. Those worth infinity are
        judged whatever they look like.
        """
        ...

    def settle(self, rows: Sequence[int], decisions: Sequence[Decision]) -> None:
        """What was decided on rows that `look` gave; before the next block."""
        ...

    def end(self) -> Mapping[int, int]:
        """A source ended; gives the heirs of rows that left."""
        ...

    def finish(self) -> tuple[list[int], list[int]]:
        """Rows still to be judged, in the order looked at, and how many rows each stands for."""
        ...

    def overview(self) -> tuple[list[int], list[int]]:
        """Rows with pictures that stand for all that was seen, and for how many each; before or after `finish`."""
        ...

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """All of it, as named arrays."""
        ...

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
