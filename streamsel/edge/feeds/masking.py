"""Pictures of which parts are not looked at, such as a clock that is drawn into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from streamsel.data import Picture, Pixels
from streamsel.decode.looking import Box
from streamsel.errors import UsageError
from streamsel.signals.crops import Region

__all__ = ["Masked"]

GREY = 128
SIDE = 64
"""Of the square that `Picture.i420` samples."""

AROUND = 4
"""Pixels of the original around a part that are hidden with it: colours are stored for several pixels together."""


class Masked:
    """A picture that is grey in some parts, however it is scaled; the original is `whole`.

    parts: (width, height, x, y) in pixels of the upright picture before it is cropped; they stay where they are when
    a stream changes its resolution, and what lies outside is nothing. All that scaling mixes with hidden pixels is
    hidden, too: one pixel of the result around each part.
    """

    def __init__(self, picture: Picture, parts: Sequence[Box]) -> None:
        self.whole = picture
        self.width, self.height = picture.width, picture.height
        _, _, left, above = getattr(picture, "crop", None) or (0, 0, 0, 0)
        self._parts = [(width, height, x - left, y - above) for width, height, x, y in parts]

    @property
    def nbytes(self) -> int:
        """About how many bytes the original keeps in memory."""
        return int(getattr(self.whole, "nbytes", 0))

    @property
    def damaged(self) -> bool:
        """Whether the decoder met errors in it."""
        return bool(getattr(self.whole, "damaged", False))

    def check(self) -> None:
        """Raises UsageError where it leaves nothing that a model could see."""
        if self._hidden(SIDE, SIDE, 0).all():
            raise UsageError(
                f"the mask hides all of its {self.width} x {self.height} picture; correct it, or leave it out"
            )

    @property
    def idle(self) -> bool:
        """Whether there is a part that lies outside of the picture, so that it hides nothing."""
        return any(
            not _meets(x, across, self.width) or not _meets(y, down, self.height) for across, down, x, y in self._parts
        )

    def hides(self, region: Region) -> bool:
        """Whether it leaves nothing of these pixels."""
        hidden = np.zeros((region.bottom - region.top, region.right - region.left), np.bool_)
        for rows, columns in self._spans(self.width, self.height, 1):
            hidden[_from(rows, region.top), _from(columns, region.left)] = True
        return bool(hidden.all())

    def i420(self) -> Pixels:
        """(96, 64) uint8, read-only: see data.Picture."""
        hidden = self._hidden(SIDE, SIDE, 0)
        turned = np.rot90(hidden, -getattr(self.whole, "rotation", 0) // 90)  # the sample is not upright, the mask is
        colours = turned.reshape(SIDE // 2, 2, SIDE // 2, 2).any((1, 3)).reshape(-1, SIDE)
        sample = self.whole.i420().copy()
        sample[np.concatenate([turned, colours, colours])] = GREY
        sample.flags.writeable = False
        return sample

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """(height, width, 3) uint8 RGB, AREA-scaled to exactly that size; None: as large as the picture."""
        width, height = width or self.width, height or self.height
        pixels = self.whole.rgb(width, height)
        pixels[self._hidden(width, height, 1)] = GREY
        return pixels

    def _hidden(self, width: int, height: int, more: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """(height, width) bool: which pixels of a picture of that size are grey. more: pixels of it around a part."""
        hidden = np.zeros((height, width), np.bool_)
        for rows, columns in self._spans(width, height, more):
            hidden[rows, columns] = True
        return hidden

    def _spans(self, width: int, height: int, more: int) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of each part."""
        for across, down, x, y in self._parts:
            yield _span(y, down, self.height, height, more), _span(x, across, self.width, width, more)


def _from(span: slice, first: int) -> slice:
    """The same of what begins there."""
    return slice(max((span.start or 0) - first, 0), max(span.stop - first, 0))


def _span(begin: int, length: int, whole: int, size: int, more: int) -> slice:
    """Places among `size` that a stretch of `whole` pixels has any part in; none of a stretch that lies outside."""
    if not _meets(begin, length, whole):
        return slice(0)
    first = (begin - AROUND) * size // whole - more
    last = -(-(begin + length + AROUND) * size // whole) + more
    return slice(max(first, 0), max(last, 0))


def _meets(begin: int, length: int, whole: int) -> bool:
    """Whether a stretch has any part in so many pixels."""
    return begin < whole and begin + length > 0
