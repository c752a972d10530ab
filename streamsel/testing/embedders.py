"""What every embedder must do, whoever wrote it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Pixels, Vector
from streamsel.embed import Embedder
from streamsel.errors import ModelError

__all__ = ["check_embedder", "noisy_pictures"]


def check_embedder(embedder: Embedder) -> None:
    """Raises AssertionError with the law that the embedder breaks. Embeds some fifty pictures."""
    _check_declaration(embedder)
    _check_unit(embedder)
    _check_neighbours(embedder)
    _check_repeats(embedder)
    _check_inputs(embedder)
    _check_refusals(embedder)


def noisy_pictures(number: int, size: tuple[int, int], seed: int = 0) -> Pixels:
    """(number, height, width, 3) uint8: coarse coloured patches under fine noise, all different."""
    width, height = size
    random = np.random.default_rng(seed)
    patches = random.integers(0, 256, (number, 8, 8, 3)).repeat(-(-height // 8), 1).repeat(-(-width // 8), 2)
    noise = random.integers(-20, 21, (number, height, width, 3))
    return np.asarray(np.clip(patches[:, :height, :width] + noise, 0, 255), np.uint8)


def _check_declaration(embedder: Embedder) -> None:
    assert embedder.name, "an embedder must have a name"
    assert embedder.name.isprintable(), f"a name must be printable, got {embedder.name!r}"
    assert min(embedder.dim, embedder.batch, *embedder.size) >= 1, "dim, batch and size must be 1 or more"
    try:
        distance = embedder.novelty_distance
    except ModelError:
        return
    assert 0 < distance <= 2, f"novelty_distance must be above 0 and up to 2, got {distance}"


def _check_unit(embedder: Embedder) -> None:
    noise = noisy_pictures(2, embedder.size)
    plain = np.stack([np.full_like(noise[0], value) for value in (0, 127, 255)])
    vectors = embedder.embed(np.concatenate([noise, plain]))
    assert vectors.dtype == np.float32, f"vectors must be float32, got {vectors.dtype}"
    assert vectors.shape == (5, embedder.dim), f"vectors must be (5, {embedder.dim}), got {vectors.shape}"
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    assert np.abs(norms - 1).max() < 1e-5, f"norms must be 1, got {norms}"
    assert not np.array_equal(vectors[0], vectors[1]), "different pictures have the same vector"
    empty = embedder.embed(noise[:0])
    assert empty.shape == (0, embedder.dim), f"no pictures must give (0, {embedder.dim}), got {empty.shape}"
    assert empty.dtype == np.float32, f"no pictures must give float32, got {empty.dtype}"


def _check_neighbours(embedder: Embedder) -> None:
    pictures = noisy_pictures(7, embedder.size)
    alone = np.concatenate([embedder.embed(picture[None]) for picture in pictures])
    orders = [np.arange(7), np.arange(7)[::-1], np.array([3, 3, 3]), np.random.default_rng(0).permutation(7)]
    for order in orders:
        assert _same(embedder.embed(pictures[order]), alone[order]), "a row's bits depend on its neighbours"
    many = np.resize(np.arange(7), embedder.batch + 1)
    if len(many) <= 24:
        assert _same(embedder.embed(pictures[many]), alone[many]), "a row's bits depend on how many there are"


def _check_repeats(embedder: Embedder) -> None:
    pictures = noisy_pictures(3, embedder.size, seed=1)
    first = embedder.embed(pictures)
    kept = first.copy()
    with _busy_machine():
        again = embedder.embed(pictures)
    assert _same(again, kept), "the same pictures give other bits on a busy machine"
    assert _same(first, kept), "a later call changed the vectors of an earlier one"


def _check_inputs(embedder: Embedder) -> None:
    pictures = noisy_pictures(3, embedder.size, seed=2)
    kept = pictures.copy()
    vectors = embedder.embed(pictures)
    assert np.array_equal(pictures, kept), "embedding changed the pictures"
    pictures.setflags(write=False)
    assert _same(embedder.embed(pictures), vectors), "read-only pictures give other bits"
    mirrored = np.ascontiguousarray(kept[:, :, ::-1])[:, :, ::-1]
    assert _same(embedder.embed(mirrored), vectors), "strided pictures give other bits"


def _check_refusals(embedder: Embedder) -> None:
    good = noisy_pictures(1, embedder.size)
    wrong: tuple[Any, ...] = (good[0], good[..., :1], good[:, 1:], good.astype(np.float32))
    for bad in wrong:
        try:
            embedder.embed(bad)
        except ValueError:
            continue
        raise AssertionError(f"pictures of {bad.shape} {bad.dtype} must raise ValueError")


def _same(left: Vector, right: Vector) -> bool:
    """Equal bit for bit."""
    return left.shape == right.shape and left.tobytes() == right.tobytes()


@contextmanager
def _busy_machine() -> Iterator[None]:
    """Two threads that keep the cores busy, so that the work inside is cut up otherwise in time."""
    done = threading.Event()
    matrix: npt.NDArray[np.float32] = np.ones((128, 128), np.float32)

    def burn() -> None:
        while not done.is_set():
            matrix @ matrix

    threads = [threading.Thread(target=burn) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
