"""Vectors of objects: crops of many frames share the embedder's batches.

Order is kept, and a vector does not depend on what else is embedded (see `streamsel.embed`). In memory are one batch
of crops, those of one frame, and the vectors of frames that wait for their last crop: of at most WAITING frames, or
one batch if that is more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from streamsel.data import Pixels, Vector
from streamsel.embed import Embedder

__all__ = ["embed_crops", "embed_objects"]

WAITING = 64
"""A batch is embedded before it is full when so many frames wait for it."""


def embed_crops(embedder: Embedder, crops: Iterable[Pixels]) -> Iterator[Vector]:
    """(D,) float32, unit norm, for each crop, (height, width, 3) uint8 RGB of the embedder's size."""
    for vectors in embed_objects(embedder, ((crop,) for crop in crops)):
        yield vectors[0]


def embed_objects(
    embedder: Embedder, frames: Iterable[Sequence[Pixels]], breathe: Callable[[], None] = lambda: None
) -> Iterator[Vector]:
    """(m, D) float32, unit norm, for each frame: the vectors of its m crops, also none.

    Crops are (height, width, 3) uint8 RGB of the embedder's size. breathe: called after each batch. Raises ValueError
    for other shapes.
    """
    waiting: deque[int] = deque()
    crops: list[Pixels] = []
    vectors: deque[Vector] = deque()
    for frame in frames:
        waiting.append(len(frame))
        crops.extend(frame)
        ripe = len(waiting) >= max(WAITING, embedder.batch)
        while len(crops) >= embedder.batch or (crops and ripe):
            vectors.extend(_embedded(embedder, crops[: embedder.batch]))
            del crops[: embedder.batch]
            breathe()
        yield from _ready(waiting, vectors, embedder.dim)
    while crops:
        vectors.extend(_embedded(embedder, crops[: embedder.batch]))
        del crops[: embedder.batch]
        breathe()
    yield from _ready(waiting, vectors, embedder.dim)


def _embedded(embedder: Embedder, crops: Sequence[Pixels]) -> Vector:
    shapes = {crop.shape for crop in crops}
    expected = (embedder.size[1], embedder.size[0], 3)
    if shapes != {expected}:
        raise ValueError(f"crops must be {expected}, got {', '.join(map(str, sorted(shapes)))}")
    return embedder.embed(np.stack(crops))


def _ready(waiting: deque[int], vectors: deque[Vector], dim: int) -> Iterator[Vector]:
    """The vectors of those frames of which all are there."""
    while waiting and waiting[0] <= len(vectors):
        rows = [vectors.popleft() for _ in range(waiting.popleft())]
        yield np.stack(rows) if rows else np.empty((0, dim), np.float32)
