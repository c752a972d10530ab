"""In place of a model, where nothing is embedded: neither OpenVINO nor weights are loaded."""

from __future__ import annotations

from streamsel.data import Pixels, Vector
from streamsel.errors import ModelError

__all__ = ["Unneeded"]


class Unneeded:
    """What a run asks of an Embedder before it embeds; its vectors have no numbers."""

    name = "none"
    dim = 0
    size = (16, 16)
    """Of what is left of a picture that is too large to be kept whole."""
    batch = 1

    @property
    def novelty_distance(self) -> float:
        """Raises ModelError: nothing is compared."""
        raise ModelError("no model was loaded, since nothing is embedded: there is no novelty distance")

    def embed(self, pictures: Pixels) -> Vector:
        """Raises ModelError."""
        raise ModelError("no model was loaded, since nothing is embedded")
