"""A picture that is already the bytes of a file: kept of a source that cannot be read again."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from streamsel.data import Pixels

__all__ = ["Encoded"]


class Encoded:
    """The picture in a file's bytes; decoded only where it becomes part of a clip."""

    def __init__(self, encoded: bytes) -> None:
        self.encoded = encoded
        with Image.open(io.BytesIO(encoded)) as image:
            self.width, self.height = image.size

    def i420(self) -> Pixels:
        """What was sampled of the frame is not kept."""
        raise ValueError("only the encoded picture was kept")

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """See `streamsel.data.Picture`."""
        size = (width or self.width, height or self.height)
        with Image.open(io.BytesIO(self.encoded)) as image:
            whole = image.convert("RGB")
        return np.asarray(whole if whole.size == size else whole.resize(size, Image.Resampling.BOX))
