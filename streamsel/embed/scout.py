"""The scout's descriptors: a frame's I420 sample -> a unit vector, for a few microseconds.

They only propose: what lies far apart here is kept until the embedder has looked at it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamsel.data import Pixels, Vector
from streamsel.errors import UsageError

__all__ = ["DIM", "describe"]

DIM: Final = 768
CONTRAST_FLOOR: Final = 8.0


def describe(samples: Pixels) -> Vector:
    """(B, 96, 64) uint8 I420 samples -> (B, DIM) float32 of unit norm.

    A 16 x 16 YUV thumbnail: luma centred, chroma kept, scaled to unit contrast. A row's bits do not depend on its
    neighbours: pixel sums are exact, and what follows works row by row. Raises UsageError on another shape or dtype.
    """
    if samples.ndim != 3 or samples.shape[1:] != (96, 64) or samples.dtype != np.uint8:
        raise UsageError(f"describe takes (B, 96, 64) uint8 I420 samples, got {samples.shape} {samples.dtype}")
    luma = _pool(samples[:, :64], 4)
    chroma = samples[:, 64:].reshape(-1, 2, 32, 32)
    luma -= luma.mean(axis=1, keepdims=True)
    flat = np.concatenate([luma, _pool(chroma[:, 0], 2) - 128, _pool(chroma[:, 1], 2) - 128], axis=1)
    return _unit(flat)


def _pool(planes: Pixels, side: int) -> Vector:
    """(B, S, S) uint8 -> (B, (S / side)^2) float32 means of side x side blocks."""
    size = planes.shape[1] // side
    sums = planes.reshape(-1, size, side, size, side).sum(axis=(2, 4), dtype=np.uint32)
    means: Vector = sums.reshape(-1, size * size).astype(np.float32) / np.float32(side * side)
    return means


def _unit(rows: Vector) -> Vector:
    """Unit norm; what varies less than the floor is completed by a constant component, so noise stays small."""
    energy = np.square(rows).sum(axis=1, keepdims=True)
    floor = np.float32(CONTRAST_FLOOR**2 * rows.shape[1])
    rows[:, 0:1] += np.sqrt(np.maximum(floor - energy, 0))
    unit: Vector = rows / np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    return unit
