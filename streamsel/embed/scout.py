"""The scout's descriptors: a frame's I420 sample -> a unit vector, for a few microseconds.

They only propose: what lies far apart here is kept until the embedder has looked at it. So they need not know what a
picture shows, only tell that something changed, somewhere, in brightness, colour or fine structure. Tried on real
clips by how little a selection loses when only frames proposed by them are embedded (`benchmarks/scout.py`): coarse
thumbnails lose less than fine ones (which follow every motion), chroma deserves twice its weight, gradients and
colour histograms are no better, and a coarse map of texture finds short damage and blur that a thumbnail hides.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streamsel.data import Pixels, Vector
from streamsel.errors import UsageError

__all__ = ["DIM", "describe"]

LUMA: Final = 64
CHROMA: Final = 32
TEXTURE: Final = 64
DIM: Final = LUMA + CHROMA + TEXTURE + 1
CHROMA_WEIGHT: Final = 4
"""Twice the weight of luma, and four times fewer cells to carry it: 2 * sqrt(64 / 16)."""
CONTRAST_FLOOR: Final = 4.0
"""Grey levels: a picture that varies less is not stretched to full contrast, so noise in black stays noise. Higher
floors hide what happens in dark scenes and fades, which embedders do tell apart."""

COLUMNS: Final = np.kron(np.eye(8), np.ones((8, 1))).astype(np.float32)
"""(64, 8): sums of 8 neighbouring columns."""


def _row_sums() -> npt.NDArray[np.float32]:
    """(16, 96): sums of 8 rows of luma; of 4 rows of chroma, where one row of 64 holds two of the picture's 32."""
    luma = np.kron(np.eye(8), np.ones((1, 8)))
    chroma = np.kron(np.eye(8), np.ones((1, 4)))
    return np.block([[luma, np.zeros((8, 32))], [np.zeros((8, 64)), chroma]]).astype(np.float32)


ROWS: Final = _row_sums()


def describe(samples: Pixels) -> Vector:
    """(B, 96, 64) uint8 I420 samples -> (B, DIM) float32 of unit norm.

    In units of grey levels: 8 x 8 means of luma around the picture's mean, 4 x 4 means of U and V, 8 x 8 means of
    the differences between neighbouring pixels; scaled to unit norm, with a constant where contrast is low. A row's
    bits do not depend on its neighbours: sums of pixels are exact, and the rest works row by row. Raises UsageError
    on another shape or dtype.
    """
    if samples.ndim != 3 or samples.shape[1:] != (96, 64) or samples.dtype != np.uint8:
        raise UsageError(f"describe takes (B, 96, 64) uint8 I420 samples, got {samples.shape} {samples.dtype}")
    count = len(samples)
    sums = ROWS @ (samples.reshape(-1, 64).astype(np.float32) @ COLUMNS).reshape(count, 96, 8)
    flat = np.empty((count, DIM), np.float32)
    luma = sums[:, :8].reshape(count, LUMA)
    flat[:, :LUMA] = (luma - luma.sum(axis=1, keepdims=True) / LUMA) / 64
    chroma = (sums[:, 8:, :4] + sums[:, 8:, 4:]).reshape(count, CHROMA)
    flat[:, LUMA : LUMA + CHROMA] = (chroma / 64 - 128) * CHROMA_WEIGHT
    flat[:, LUMA + CHROMA : -1] = _texture(samples[:, :64]) / 64
    return _unit(flat)


def _texture(luma: Pixels) -> npt.NDArray[np.float32]:
    """(B, 64, 64) -> (B, 64): in each of 8 x 8 blocks, the absolute differences to the pixels right and below."""
    here, right, below = luma[:, :-1, :-1], luma[:, :-1, 1:], luma[:, 1:, :-1]
    steps = np.zeros((len(luma), 64, 64), np.float32)
    across = np.maximum(here, right) - np.minimum(here, right)
    down = np.maximum(here, below) - np.minimum(here, below)
    np.add(across, down, out=steps[:, :-1, :-1], dtype=np.float32)
    return (ROWS[:8, :64] @ (steps.reshape(-1, 64) @ COLUMNS).reshape(-1, 64, 8)).reshape(-1, TEXTURE)


def _unit(rows: Vector) -> Vector:
    """Unit norm; the last column, so far empty, holds what is missing to the contrast floor."""
    energy = np.square(rows[:, :-1]).sum(axis=1)
    rows[:, -1] = np.sqrt(np.maximum(CONTRAST_FLOOR**2 * (DIM - 1) - energy, 0))
    rows /= np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    return rows
