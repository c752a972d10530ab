"""Grey pictures, and exact sums of 8-bit values: whole numbers all the way, in blocks that stay in the cache.

Nothing is rounded on the way, so a flat picture has a standard deviation of exactly 0, and every machine gives the
same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsel.data import Pixels

__all__ = ["Spread", "grey_of", "means", "spread"]

_GREY = np.array([19595, 38470, 7471], np.float32) / np.float32(65536)
"""0.299, 0.587, 0.114 of ITU-R BT.601 in 16 bits: sums of such products with bytes are exact in float32."""

_PIXELS = 1 << 14
_VALUES = 1 << 15
"""Values of a block; so many squares of bytes fit into 32 bits."""

_ROWS = 256
"""So many bytes fit into 16 bits."""


@dataclass(frozen=True, slots=True)
class Spread:
    """So many values, their sum and the sum of their squares."""

    count: int
    total: int
    squares: int

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """Their mean."""
        return self.total / self.count

    @property
    def std(self) -> float:
        """Their population standard deviation."""
        return math.sqrt(self.count * self.squares - self.total**2) / self.count


def grey_of(rgb: Pixels) -> Pixels:
    """(H, W) uint8: the BT.601 luma of (H, W, 3) RGB, rounded half up; bit for bit Pillow's mode `L`."""
    flat = np.ascontiguousarray(rgb).reshape(-1, 3)
    grey = np.empty(len(flat), np.uint8)
    for start in range(0, len(flat), _PIXELS):
        luma = flat[start : start + _PIXELS].astype(np.float32) @ _GREY
        luma += 0.5
        grey[start : start + _PIXELS] = luma
    return grey.reshape(rgb.shape[:2])


def means(rgb: Pixels) -> npt.NDArray[np.float64]:
    """(3,): the mean of red, green and blue of (H, W, 3) uint8, each 0..255."""
    height, width = rgb.shape[:2]
    columns = np.zeros((width, 3), np.uint64)
    for top in range(0, height, _ROWS):
        columns += rgb[top : top + _ROWS].sum(axis=0, dtype=np.uint16)
    return np.asarray(columns.sum(axis=0) / (height * width), np.float64)


def spread(values: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> Spread:
    """Count, sum and sum of squares of values of 0..255, whatever their shape."""
    flat = np.ascontiguousarray(values).reshape(-1)
    total = squares = 0
    for start in range(0, len(flat), _VALUES):
        part = flat[start : start + _VALUES].astype(np.uint16)
        total += int(part.sum(dtype=np.uint32))
        part *= part
        squares += int(part.sum(dtype=np.uint32))
    return Spread(len(flat), total, squares)
