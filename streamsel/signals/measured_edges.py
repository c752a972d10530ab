"""What the 3x3 Laplacian tells of a grey picture: how sharp it is, and how many of its rows hold nothing.

The kernel is the one with 8 neighbours, 8 in the middle and -1 around it. Both figures follow what the product that
users come from computes, as far as that is public, so that thresholds found there keep their meaning: `sharpness` as
its first client did, `uniformRowRatio` as the port of the metric that its makers published. There sums are rounded in
the unit 1 / 255, so that a response of just 5 may count as smaller: ratios differ by 0.015 at most on real clips.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Pixels
from streamsel.signals.measured_sums import Spread, spread

__all__ = ["sharpness", "uniform_row_ratio"]

_ROWS = 32
"""Rows of a block, which stay in the cache."""

MOST_ROWS = 400
"""Higher pictures are scaled down to so many rows before their rows are looked at."""

FLAT = 5.0
"""A pixel is uniform while its response is smaller than this, of 255."""

UNIFORM_SHARE = 0.97
"""A row is uniform when more than this share of its pixels is."""


def sharpness(grey: Pixels) -> float:
    """Standard deviation of the filtered picture, 0..127.5: (H, W) uint8 grey through the kernel, cut to 0..255.

    The outermost rows and columns, where the kernel does not fit, keep their grey: that is Pillow's `Kernel` filter,
    bit for bit.
    """
    height, width = grey.shape
    if height < 3 or width < 3:
        return spread(grey).std
    edges = [grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]]
    whole = sum((spread(edge) for edge in edges), Spread(0, 0, 0))
    for top in range(0, height - 2, _ROWS):
        whole += spread(_cut(_laplacian(grey[top : top + _ROWS + 2].astype(np.int16))))
    return whole.std


def uniform_row_ratio(grey: Pixels) -> float:
    """Share of uniform rows, 0..1, of a (H, W) uint8 picture; high for what a decoder left blank.

    A picture of more than 400 rows is scaled to 400, its aspect kept, bilinearly and without a filter before it. A
    pixel is uniform when its response, taken where the kernel fits, is between -5 and 5 of 255; a row, when more than
    97 % of its pixels are. 0 for pictures with a side below 3. Black bars and plain skies of drawn films count, too.
    """
    height, width = grey.shape
    if height < 3 or width < 3:
        return 0.0
    flat = np.abs(_laplacian(_scaled_down(grey))) < FLAT
    return float((flat.mean(axis=1) > UNIFORM_SHARE).mean())


def _laplacian(grey: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(H - 2, W - 2): 9 times each pixel less the sum of the 3x3 around it; int16 or float32 as given."""
    columns: npt.NDArray[Any] = grey[:-2] + grey[1:-1]
    columns += grey[2:]
    response: npt.NDArray[Any] = grey[1:-1, 1:-1] * grey.dtype.type(9)
    response -= columns[:, :-2]
    response -= columns[:, 1:-1]
    response -= columns[:, 2:]
    return response


def _cut(response: npt.NDArray[np.int16]) -> npt.NDArray[np.uint16]:
    np.clip(response, 0, 255, out=response)
    return response.view(np.uint16)


def _scaled_down(grey: Pixels) -> npt.NDArray[np.float32]:
    """The picture with at most 400 rows and at least 3 columns, float32."""
    height, width = grey.shape
    shrink = MOST_ROWS / height
    if shrink >= 1:
        return grey.astype(np.float32)
    rows, row_after, down = _between(height, int(height * shrink))
    columns, column_after, across = _between(width, max(3, int(width * shrink)))
    upper = grey[rows].astype(np.float32)
    upper += (grey[row_after] - upper) * down[:, None]
    left = upper[:, columns]
    left += (upper[:, column_after] - left) * across
    return left


def _between(old: int, new: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """For the middle of each of `new` pixels: the old ones before and after it, and the share of the latter."""
    places = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    before = places.astype(np.intp)
    return before, np.minimum(before + 1, old - 1), (places - before).astype(np.float32)
