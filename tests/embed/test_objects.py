from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Pixels, Vector
from streamsel.embed import Embedder
from streamsel.embed.objects import WAITING, embed_crops, embed_objects


class Direction:
    """The first two values of a picture as a unit vector; notes the sizes of its batches."""

    name, dim, size, novelty_distance = "direction", 2, (4, 3), 1.0

    def __init__(self, batch: int = 5) -> None:
        self.batch = batch
        self.batches: list[int] = []

    def embed(self, pictures: Pixels) -> Vector:
        self.batches.append(len(pictures))
        raw = pictures.reshape(len(pictures), -1)[:, :2].astype(np.float32) + 1
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def pictures(number: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (number, 3, 4, 3), dtype=np.uint8)


@given(st.lists(st.integers(0, 12), max_size=90), st.integers(1, 80))
def test_each_frame_has_the_vectors_of_its_objects_in_order(counts: list[int], batch: int) -> None:
    crops = iter(pictures(sum(counts)))
    frames = [[next(crops) for _ in range(count)] for count in counts]
    embedder = Direction(batch)
    found = list(embed_objects(embedder, frames))
    assert [vectors.shape for vectors in found] == [(count, 2) for count in counts]
    for vectors, frame in zip(found, frames, strict=True):
        assert vectors.dtype == np.float32
        if frame:
            assert np.array_equal(vectors, Direction().embed(np.stack(frame)))
    assert max(embedder.batches, default=0) <= batch
    assert sum(embedder.batches) == sum(counts)


@given(st.integers(0, 40), st.integers(1, 9))
def test_crops_alone_share_full_batches(number: int, batch: int) -> None:
    embedder = Direction(batch)
    crops = pictures(number)
    found = list(embed_crops(embedder, crops))
    assert len(found) == number
    assert number == 0 or np.array_equal(np.stack(found), Direction().embed(crops))
    assert embedder.batches == [batch] * (number // batch) + [number % batch] * (number % batch > 0)


def test_it_reads_no_further_than_it_must() -> None:
    read = 0

    def frames() -> Iterator[Sequence[Pixels]]:
        nonlocal read
        for rank in range(1000):
            read += 1
            yield pictures(1) if rank == 3 else []

    given_back = embed_objects(Direction(), frames())
    assert [len(next(given_back)) for _ in range(3)] == [0, 0, 0]
    assert read == 3
    assert len(next(given_back)) == 1
    assert read == 3 + WAITING
    assert len(list(given_back)) == 996


def test_crops_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"crops must be \(3, 4, 3\), got \(3, 4, 3\), \(4, 3, 3\)"):
        list(embed_crops(Direction(), [pictures(1)[0], np.zeros((4, 3, 3), np.uint8)]))


def test_with_the_default_model_a_vector_does_not_depend_on_its_neighbours(quick: Embedder) -> None:
    width, height = quick.size
    crops = np.random.default_rng(0).integers(0, 256, (7, height, width, 3), dtype=np.uint8)
    together = np.concatenate(list(embed_objects(quick, [crops[:2], [], crops[2:3], crops[3:]])))
    alone = np.stack([next(embed_crops(quick, [crop])) for crop in crops])
    assert np.array_equal(together, alone)
