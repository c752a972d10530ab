"""Pictures that wait to be written, and are not looked at any more."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Final

from streamsel.data import Picture
from streamsel.rules.readings import NoPicture
from streamsel.signals.looked import Looked

__all__ = ["BESIDE", "JpegPicture"]

BESIDE: Final = 8_000
"""Bytes that a frame takes without its picture, about: its vector, and what is known of it."""


class JpegPicture(NoPicture):
    """What is left of a picture: its file, a tenth of its size or less, and what its pixels told before they went.

    data: the JPEG.
    """

    def __init__(self, picture: Picture, data: bytes, looked: Looked) -> None:
        self.width, self.height, self.looked = picture.width, picture.height, looked
        self.damaged = bool(getattr(picture, "damaged", False))
        """Whether the decoder met errors in it."""
        self._read: Callable[[], bytes] = lambda: data
        self.nbytes = BESIDE + len(data)
        """Bytes of memory that it takes."""

    @property
    def data(self) -> bytes:
        """The JPEG. Raises SinkError where it lies on a disk that does not give it back."""
        return self._read()

    def away(self, put: Callable[[bytes], Callable[[], bytes]]) -> JpegPicture:
        """The same with its file elsewhere. put: takes that, and gives what reads it."""
        moved = copy(self)
        moved._read, moved.nbytes = put(self.data), BESIDE
        return moved
