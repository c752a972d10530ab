"""Vectors made unit, and the one vector that stands for a sequence."""

from __future__ import annotations

import numpy as np

from streamsel.data import Vector

__all__ = ["added", "of_window", "pool", "pooled", "unit"]


def unit(vectors: Vector) -> Vector:
    """Each row of (B, D) divided by its Euclidean norm, (B, D) float32; the input stays as it is.

    A row of zeros has no direction and gets 1 / sqrt(D) everywhere, so that every row is unit. Raises ValueError
    naming the first row that holds NaN or infinity.
    """
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if bad.size:
        raise ValueError(f"row {bad[0]} holds values that are not finite")
    vectors = np.ascontiguousarray(vectors, np.float32)
    peaks = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    scaled = np.where(peaks > 0, vectors, 1) / np.where(peaks > 0, peaks, 1)  # squares neither overflow nor vanish
    return np.asarray(scaled / np.sqrt(np.square(scaled).sum(axis=1, keepdims=True)), np.float32)


def pool(vectors: Vector) -> Vector:
    """The vector of a sequence, (D,): the mean of its frames' unit vectors (L, D), made unit again.

    Vectors that cancel out exactly leave no direction: the last one then stands for the sequence.
    Raises ValueError for an empty sequence and for values that are not finite.
    """
    if vectors.ndim != 2 or len(vectors) == 0:
        raise ValueError(f"a sequence must be (L, D) with L of 1 or more, got {vectors.shape}")
    total: Vector | None = None
    for vector in vectors:
        total = added(total, vector)
    assert total is not None
    return pooled(total, len(vectors), vectors[-1])


def added(total: Vector | None, vector: Vector) -> Vector:
    """A sum of vectors, (D,) float32, with one more; None: it is the first."""
    return np.asarray((0 if total is None else total) + vector, np.float32)


def pooled(total: Vector, count: int, last: Vector) -> Vector:
    """What `pool` makes of `count` vectors, of which only the last, (D,), and their sum by `added` are known."""
    mean = total / np.float32(count)
    return np.asarray(unit((mean if mean.any() else last)[None])[0], np.float32)


def of_window(vectors: Vector) -> Vector:
    """The vector of a window, (D,): of a single frame its own, to the bit; of more, (L, D), what `pool` makes."""
    return vectors[0] if len(vectors) == 1 else pool(vectors)
