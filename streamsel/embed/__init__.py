"""embed: pictures -> unit vectors; the scout's cheap descriptors; pooling of sequences.

The contract, kept by every embedder and checked by `streamsel.testing.check_embedder`:

- `embed` takes (B, height, width, 3) uint8 RGB, any B >= 0, already of `size`, and gives (B, dim) float32 of unit
  norm. A row's bits do not depend on its neighbours or on B: shapes are static, the last batch is padded.
- `name` identifies weights, preprocessing, precision and device: equal names mean comparable vectors.
- `novelty_distance` is the distance that best separates 'same shot, small change' from 'another shot' for this
  model (0..2), derived by `benchmarks/novelty.py`.
- Loading raises ModelError; embedding does not fail on any picture.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from streamsel.data import Pixels, Vector

__all__ = ["Embedder"]


@runtime_checkable
class Embedder(Protocol):
    """A model that turns pictures into vectors. See the module's text for the laws."""

    name: str
    dim: int
    size: tuple[int, int]
    """Width and height of the pictures it takes."""
    batch: int
    """How many pictures it likes at once."""
    novelty_distance: float

    def embed(self, pictures: Pixels) -> Vector: ...
