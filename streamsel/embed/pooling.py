"""Vectors made unit, and the one vector that stands for a sequence."""

from __future__ import annotations

import numpy as np

from streamsel.data import Vector

__all__ = ["pool", "unit"]


def unit(vectors: Vector) -> Vector:
    """Rows of (B, D), each divided by its Euclidean norm; float32.

    A row of zeros has no direction and gets the constant one, 1 / sqrt(D) everywhere, so that every row is unit.
    """
    vectors = np.ascontiguousarray(vectors, np.float32)
    norms = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
    flat = np.full((1, vectors.shape[1]), 1 / np.sqrt(vectors.shape[1]), np.float32)
    return np.where(norms > 0, vectors / np.maximum(norms, np.finfo(np.float32).tiny), flat)


def pool(vectors: Vector) -> Vector:
    """The vector of a sequence, (D,): the mean of its frames' unit vectors (L, D), made unit again.

    Vectors that cancel out exactly leave no direction: the first one then stands for the sequence.
    Raises ValueError for an empty sequence.
    """
    if vectors.ndim != 2 or len(vectors) == 0:
        raise ValueError(f"a sequence must be (L, D) with L of 1 or more, got {vectors.shape}")
    mean = vectors.mean(axis=0, dtype=np.float32)
    return unit(mean[None] if mean.any() else vectors[:1])[0]
