"""Objects cut out of their frame: box and padding -> pixels, for the judge and for crops as samples.

Padding is relative to the box: 0.1 makes its width and height 10 % larger, half of that on each side. What lies
outside of the picture is cut off. Edges are rounded to the nearest pixel edge, halves up; at least one pixel is left.
A box that holds no pixel of the picture, or none that a mask leaves, is refused: REASONS says for what.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamsel.data import Box, Picture, Pixels
from streamsel.errors import UsageError
from streamsel.signals.area import resized

__all__ = [
    "HIDDEN",
    "NO_AREA",
    "OUTSIDE",
    "REASONS",
    "Region",
    "crop",
    "crop_at",
    "crops_at",
    "refusal",
    "refused_in",
    "region_of",
]

NO_AREA, OUTSIDE, HIDDEN = "box without an area", "box outside of the picture", "box behind the mask"
REASONS = (NO_AREA, OUTSIDE, HIDDEN)


@dataclass(frozen=True, slots=True)
class Region:
    """Whole pixels of a picture: columns from left up to right, rows from top up to bottom; never empty."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, pixels: Pixels) -> Pixels:
        """(bottom - top, right - left, 3): a view of these pixels."""
        return pixels[self.top : self.bottom, self.left : self.right]


def region_of(box: Box, width: int, height: int, padding: float = 0.0) -> Region:
    """The pixels of a width x height picture that a padded box covers.

    padding: 0 or more. Raises UsageError for a box without an area or outside of the picture, or a wrong padding.
    """
    if not (math.isfinite(padding) and padding >= 0):
        raise UsageError(f"padding must be 0 or more, a share of the box, got {padding}")
    if reason := refusal(box, width, height):
        numbers = f"{box.x:g}, {box.y:g}, {box.width:g}, {box.height:g}"
        raise UsageError(f"{reason}: [{numbers}] in {width} x {height} pixels; mend or remove this prediction")
    left, right = _edges(box.x, box.width, width, padding)
    top, bottom = _edges(box.y, box.height, height, padding)
    return Region(left, top, right, bottom)


def crop(picture: Picture, box: Box, padding: float = 0.0) -> Pixels:
    """(h, w, 3) uint8 RGB: the pixels of `region_of`, not scaled. Raises UsageError as it does."""
    return region_of(box, picture.width, picture.height, padding).of(picture.rgb()).copy()


def crop_at(picture: Picture, box: Box, size: tuple[int, int], padding: float = 0.0) -> Pixels:
    """(height, width, 3) uint8 RGB: the same scaled, as `area` says, to size, (width, height), whatever its aspect."""
    return resized(region_of(box, picture.width, picture.height, padding).of(picture.rgb()), *size)


def crops_at(
    picture: Picture,
    boxes: Sequence[Box],
    size: tuple[int, int],
    padding: float = 0.0,
    refused: Counter[str] | None = None,
) -> list[Pixels | None]:
    """`crop_at` of each box, with the picture converted once, and not at all where there is nothing to cut.

    None for a box that is refused; its reason is counted in `refused`.
    """
    reasons = [refused_in(picture, box) for box in boxes]
    if refused is not None:
        refused.update(reason for reason in reasons if reason)
    if all(reasons):
        return [None] * len(boxes)
    whole = picture.rgb()
    return [
        None if why else resized(region_of(box, picture.width, picture.height, padding).of(whole), *size)
        for box, why in zip(boxes, reasons, strict=True)
    ]


def refusal(box: Box, width: int, height: int) -> str:
    """Why nothing can be cut out of a width x height picture, one of REASONS; empty if it can."""
    if not all(map(math.isfinite, (box.x, box.y, box.width, box.height))) or min(box.width, box.height) <= 0:
        return NO_AREA
    inside = -box.width < box.x < width and -box.height < box.y < height
    return "" if inside else OUTSIDE


def refused_in(picture: Picture, box: Box) -> str:
    """`refusal` in this picture, of which a mask may hide all that is in the box, whatever it leaves of a padding."""
    if reason := refusal(box, picture.width, picture.height):
        return reason
    hides: Callable[[Region], bool] | None = getattr(picture, "hides", None)
    return HIDDEN if hides and hides(region_of(box, picture.width, picture.height)) else ""


def _edges(start: float, extent: float, limit: int, padding: float) -> tuple[int, int]:
    """Of [start, start + extent), padded, the pixels from and up to which it reaches within [0, limit)."""
    grown = extent * padding / 2
    low, high = max(start - grown, 0.0), min(start + extent + grown, float(limit))
    first, last = math.floor(low + 0.5), math.floor(high + 0.5)
    if first < last:
        return first, last
    middle = min(math.floor((low + high) / 2), limit - 1)
    return middle, middle + 1
