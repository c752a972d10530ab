"""Pictures that wait to be written, and are not looked at any more."""

from __future__ import annotations

from streamsel.data import Picture
from streamsel.rules.readings import NoPicture

__all__ = ["JpegPicture"]


class JpegPicture(NoPicture):
    """What is left of a picture: its file, a tenth of its size or less. data: the JPEG. Its pixels are gone."""

    def __init__(self, picture: Picture, data: bytes) -> None:
        self.width, self.height, self.data = picture.width, picture.height, data
        self.damaged = bool(getattr(picture, "damaged", False))
        """Whether the decoder met errors in it."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes."""
        return len(self.data)
