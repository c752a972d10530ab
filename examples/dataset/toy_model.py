"""A toy detector and a toy classifier: what they say is read off the pixels, and worth no more than that.

They are here so that the example data set holds real predictions of real frames, in every field that the format has;
for data of your own, write what a trained model says instead.

- The detector finds what moves: pixels that differ from the median of their shot, in blobs. A camera that moves makes
  everything move. Classes are sizes (as COCO has them: small, medium, large), probabilities how near each size is.
- The classifier tells the colour: its probabilities are shares of the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from streamsel.signals.predictions import Prediction
from streamsel.signals.schema import Category, TaskSchema

SIZES = {"small": 0.06, "medium": 0.15, "large": 0.4}
"""Class -> the side of its typical box, as a share of the picture's."""

MOVING = TaskSchema("moving_objects", "object-detection", tuple(Category(id, name) for id, name in enumerate(SIZES)))
COLOURS = TaskSchema(
    "colours", "classification", tuple(Category(id, name) for id, name in enumerate(("grey", "warm", "green", "blue")))
)

CUT, CHANGED = 30, 28
"""Grey levels, 0..255: the mean step from one frame to the next that is a cut; what a pixel that moved differs by."""

SMALLEST, MOST = 0.002, 12
"""The share of a picture that an object covers at least; the objects of a frame at most, largest first."""

Pixels = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]


def shots(pictures: Pixels) -> Iterator[slice]:
    """(N, H, W, 3) -> where each shot begins and ends."""
    steps = np.array([np.abs(b.astype(np.int16) - a).mean() for a, b in pairwise(pictures)])
    edges = [0, *(1 + np.flatnonzero(steps > CUT)), len(pictures)]
    yield from (slice(start, stop) for start, stop in pairwise(edges))


def changes(shot: Pixels) -> Array:
    """(N, H, W, 3) -> (N, H, W): how far each pixel is from the median of its shot, 0..255."""
    background = np.median(shot[:: 1 + len(shot) // 25], axis=0)
    return np.array([np.abs(picture - background).max(axis=2) for picture in shot])


def moving(change: Array, width: int, height: int) -> list[Prediction]:
    """(H, W) -> what moves in a frame of width x height pixels, the largest first."""
    found = sorted(blobs(solid(change > CHANGED)), key=lambda blob: (-len(blob), blob.min(axis=0).tolist()))
    large = [blob for blob in found[:MOST] if len(blob) >= SMALLEST * change.size]
    return [_object(blob, change, width / change.shape[1], height / change.shape[0]) for blob in large]


def solid(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(H, W): a pixel is what most of the 3 x 3 around it are."""
    rows, columns = mask.shape
    padded = np.pad(mask, 1).astype(np.int8)
    around = sum(padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3))
    return np.asarray(around) >= 5


def blobs(mask: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.int64]]:
    """(H, W) -> (M, 2) rows and columns of each set of pixels that touch."""
    waiting = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    while waiting:
        blob = [waiting.pop()]
        for row, column in blob:  # grows while it is walked along
            near = {(row + y, column + x) for y in (-1, 0, 1) for x in (-1, 0, 1)} & waiting
            waiting -= near
            blob.extend(sorted(near))
        yield np.array(blob)


def colours(picture: Pixels) -> Prediction:
    """(H, W, 3) RGB -> how much of it is grey, warm, green and blue."""
    rgb = picture.reshape(-1, 3).astype(np.float64)
    grey = 1 - (rgb.max(axis=1) - rgb.min(axis=1)) / np.maximum(rgb.max(axis=1), 1)
    hue = np.eye(3)[rgb.argmax(axis=1)] * (1 - grey[:, None])  # the strongest channel names the rest
    return _soft(np.array([grey.mean(), *hue.mean(axis=0)]))


def brightness(picture: Pixels) -> float:
    """(H, W, 3) RGB -> its mean, 0..1."""
    return float(picture.mean() / 255)


def _object(blob: npt.NDArray[np.int64], change: Array, across: float, down: float) -> Prediction:
    """across, down: pixels of the frame for each pixel of the mask."""
    (top, left), (bottom, right) = blob.min(axis=0).tolist(), (blob.max(axis=0) + 1).tolist()
    side = np.sqrt((bottom - top) * (right - left) / change.size)
    near = np.exp(-2 * np.log(side / np.array([*SIZES.values()])) ** 2)
    score = 1 - np.exp(-change[blob[:, 0], blob[:, 1]].mean() / 64)
    bbox = (left * across, top * down, (right - left) * across, (bottom - top) * down)
    return _soft(near, score=round(float(score), 3), bbox=bbox)


def _soft(amounts: Array, **more: object) -> Prediction:
    shares = np.round(amounts / amounts.sum(), 4)
    return Prediction(int(shares.argmax()), probabilities=tuple(shares.tolist()), **more)  # type: ignore[arg-type]
