"""The pixels of one frame, converted only when asked: of a decoded video frame, or of a still picture in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from streamsel.data import Pixels
from streamsel.decode.looking import Box
from streamsel.decode.sampling import sample, sample_rgb
from streamsel.decode.scaling import frame_of, rgb_of
from streamsel.decode.stored import stored_samples

__all__ = ["StillPicture", "VideoPicture"]


class VideoPicture:
    """A decoded video frame, turned upright and cropped on the way out.

    rotation: degrees counter-clockwise, a multiple of 90. crop: (width, height, x, y) in the upright picture.
    """

    __slots__ = ("_sample", "crop", "frame", "height", "rotation", "width")

    def __init__(self, frame: VideoFrame, rotation: int = 0, crop: Box | None = None) -> None:
        self.frame = frame
        self.rotation = rotation % 360
        self.crop = crop
        self.width, self.height = crop[:2] if crop else self.whole
        self._sample: Pixels | None = None

    @property
    def nbytes(self) -> int:
        """About how many bytes of decoded planes this picture keeps in memory."""
        frame = self.frame
        return frame.width * frame.height * frame.format.bits_per_pixel // 8

    @property
    def whole(self) -> tuple[int, int]:
        """Width and height of the upright picture, before it is cropped."""
        width, height = self.frame.width, self.frame.height
        return (height, width) if self.rotation % 180 else (width, height)

    @property
    def holds_crop(self) -> bool:
        """Whether the crop, if any, lies inside the picture."""
        width, height, x, y = self.crop or (*self.whole, 0, 0)
        return x + width <= self.whole[0] and y + height <= self.whole[1]

    @property
    def damaged(self) -> bool:
        """Whether the decoder met errors in it, or marks it as damaged by those before it."""
        return bool(self.frame.is_corrupt)

    def stored(self) -> tuple[str, list[Pixels]]:
        """What tells it from other pictures: how it is stored, and all samples, not copied where that can be."""
        samples = None if self.crop else stored_samples(self.frame)
        if samples is None:
            return f"rgb24 {self.width}x{self.height}", [self.rgb()]
        return f"{samples[0]} {self.rotation}", samples[1]

    def i420(self) -> Pixels:
        """(96, 64) uint8, read-only: see data.Picture. Cropped, but not turned: it is a sample, equal each time."""
        if self._sample is None:
            self._sample = sample(self.frame, self.crop and self._coded(self.crop))
        return self._sample

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """(height, width, 3) uint8 RGB, AREA-scaled to exactly that size; None: as large as the picture."""
        width, height = width or self.width, height or self.height
        if self.crop:
            return self._cropped(self.crop, width, height)
        if self.rotation % 180:
            width, height = height, width
        return _turned(rgb_of(self.frame, width, height), self.rotation)

    def _cropped(self, crop: Box, width: int, height: int) -> Pixels:
        """Cut from the full-size RGB picture, where any pixel can be an edge, then scaled."""
        cut_width, cut_height, x, y = crop
        full = _turned(rgb_of(self.frame, self.frame.width, self.frame.height), self.rotation)
        cut = np.ascontiguousarray(full[y : y + cut_height, x : x + cut_width])
        return StillPicture(cut).rgb(width, height)

    def _coded(self, crop: Box) -> Box:
        """The crop in the pixels of the decoded frame, before it is turned."""
        width, height, x, y = crop
        across, down = self.whole
        right, below = across - x - width, down - y - height
        return {
            0: (width, height, x, y),
            90: (height, width, below, x),
            180: (width, height, right, below),
            270: (height, width, y, right),
        }[self.rotation]


class StillPicture:
    """A picture that is already RGB: (height, width, 3) uint8, C-contiguous.

    original: the file that shows just this picture, if there is one.
    """

    __slots__ = ("_pixels", "_sample", "height", "original", "width")

    def __init__(self, pixels: Pixels, original: Path | None = None) -> None:
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ValueError(f"StillPicture takes (height, width, 3) uint8, got {pixels.shape} {pixels.dtype}")
        self._pixels, self.original = pixels, original
        self.height, self.width = pixels.shape[:2]
        self._sample: Pixels | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that this picture keeps in memory."""
        return self._pixels.nbytes

    def i420(self) -> Pixels:
        """(96, 64) uint8, read-only: see data.Picture."""
        if self._sample is None:
            self._sample = sample_rgb(self._pixels)
        return self._sample

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """(height, width, 3) uint8 RGB, AREA-scaled to exactly that size; None: as large as the picture."""
        width, height = width or self.width, height or self.height
        if (width, height) == (self.width, self.height):
            return self._pixels.copy()
        return rgb_of(frame_of(self._pixels), width, height)


def _turned(pixels: Pixels, rotation: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(pixels, rotation // 90)) if rotation else pixels
