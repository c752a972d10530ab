"""What all embedders have in common, whatever runs their model."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from streamsel.data import Pixels, Vector
from streamsel.embed.pooling import unit
from streamsel.errors import ModelError

__all__ = ["ModelEmbedder", "full_name"]


class ModelEmbedder(ABC):
    """An Embedder over a model that takes `step` pictures at a time, no more and no fewer.

    One `embed` at a time: it is not for several threads at once.
    """

    def __init__(self, name: str, size: tuple[int, int], dim: int, step: int, batch: int, novelty: float | str) -> None:
        """`novelty`: the novelty distance, or the file in which it should stand. The rest: see the contract."""
        self.name, self.size, self.dim = name, size, dim
        self.step, self.batch = step, batch
        self.novelty = novelty

    @property
    def novelty_distance(self) -> float:
        """See the contract; raises ModelError where the model came without one."""
        if isinstance(self.novelty, str):
            raise ModelError(f'the novelty distance of this model is unknown: add "novelty_distance" to {self.novelty}')
        return self.novelty

    def embed(self, pictures: Pixels) -> Vector:
        """(B, height, width, 3) uint8 RGB to (B, dim) float32 of unit norm.

        Raises ValueError for pictures of another shape, ModelError when the model gives NaN or infinity.
        """
        self.check(pictures)
        whole = self.padded(pictures)
        vectors = np.empty((len(whole), self.dim), np.float32)
        self.run(whole, vectors)
        try:
            return unit(vectors[: len(pictures)])
        except ValueError as error:
            raise ModelError(f"{self.name}: the model fails on these pictures: {error}") from None

    @abstractmethod
    def run(self, pictures: Pixels, vectors: Vector) -> None:
        """Fill `vectors` (B, dim) from `pictures`, B a multiple of `step`, in passes of `step`."""

    def check(self, pictures: Pixels) -> None:
        """Raises ValueError unless these are pictures of the right shape."""
        width, height = self.size
        if pictures.ndim != 4 or pictures.shape[1:] != (height, width, 3) or pictures.dtype != np.uint8:
            raise ValueError(f"pictures must be (B, {height}, {width}, 3) uint8, got {pictures.shape} {pictures.dtype}")

    def padded(self, pictures: Pixels) -> Pixels:
        """The pictures in one writable piece, with black ones at the end up to a multiple of `step`."""
        missing = -len(pictures) % self.step
        if missing:
            pictures = np.concatenate([pictures, np.zeros((missing, *pictures.shape[1:]), np.uint8)])
        return np.require(pictures, np.uint8, ["C", "W"])


def full_name(model: str, size: tuple[int, int], precision: str, device: str) -> str:
    """`model/224x224/bf16/openvino-cpu`: weights and preprocessing, picture size, arithmetic, backend and device."""
    width, height = size
    return f"{model}/{width}x{height}/{precision}/{device}"
