"""Pixels in another size, by numpy alone: the mean of what each new pixel covers, or linear where there are more.

Each axis on its own. Shrinking, a new pixel is the mean of the old ones under it, those at its ends by the share that
lies under it; enlarging, it lies between the middles of two old ones (bilinear). Weights are float32 and sum to 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsel.data import Pixels

__all__ = ["resized"]


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """(height, width, 3) uint8 of (H, W, 3) uint8, all sides 1 or more; as it is where the size is."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    lines = _along_rows(pixels, height)
    upright = _along_rows(lines.transpose(1, 0, 2), width).transpose(1, 0, 2)
    return np.ascontiguousarray(np.rint(upright)).astype(np.uint8)


def _along_rows(rows: npt.NDArray[np.uint8] | npt.NDArray[np.float32], number: int) -> npt.NDArray[np.float32]:
    """(number, W, 3) float32: the rows in another number."""
    places, weights = _shrinking(len(rows), number) if number <= len(rows) else _enlarging(len(rows), number)
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    new = np.zeros((number, flat.shape[1]), np.float32)
    for place, weight in zip(places, weights, strict=True):
        part = flat[place].astype(np.float32, copy=False)
        part *= weight[:, None]
        new += part
    return new.reshape(number, *rows.shape[1:])


def _shrinking(old: int, new: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """For each step through what a new row covers: the old row of each new one, and its weight; (T, new) both."""
    edges = np.arange(new + 1) * old / new
    starts = edges[:-1].astype(np.intp)
    most = int((np.ceil(edges[1:]).astype(np.intp) - starts).max())
    places = starts + np.arange(most)[:, None]
    covered = np.minimum(places + 1, edges[1:]) - np.maximum(places, edges[:-1])
    weights = np.maximum(covered, 0) * new / old
    return np.minimum(places, old - 1), weights.astype(np.float32)


def _enlarging(old: int, new: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The same for the old rows before and after the middle of each new one."""
    middles = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    before = middles.astype(np.intp)
    share = middles - before
    places = np.stack([before, np.minimum(before + 1, old - 1)])
    return places, np.stack([1 - share, share]).astype(np.float32)
