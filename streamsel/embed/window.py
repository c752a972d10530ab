"""Frames -> windows of L consecutive frames -> blocks of whole windows.

Everything downstream works on blocks, and state is committed at block ends only, so no half window ever has to be
saved. L = 1 is the ordinary case: a window of one frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from streamsel.data import Frame, Picture, Pixels
from streamsel.embed import Window
from streamsel.errors import SourceError

__all__ = ["Shrunk", "blocks", "windows", "writable"]

LIVE_GAP = 1.0
"""Seconds without a frame after which a live source begins a new sequence."""
BLOCK_FRAMES = 16
BLOCK_BYTES = 32 << 20
"""Decoded frames held at once: 32 MiB are 10 frames of 1080p or 2 of 4K."""


class Shrunk:
    """A picture reduced to what scout and judge look at, where whole frames would take too much memory.

    encoded: the file of the whole picture, where it cannot be read again.
    """

    def __init__(self, sample: Pixels, crop: Pixels, encoded: bytes | None = None) -> None:
        self.height, self.width = crop.shape[:2]
        self._sample, self._crop, self.encoded = sample, crop, encoded

    def i420(self) -> Pixels:
        """The sample taken from the whole picture."""
        return self._sample

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """The judge-size picture; no other size is left of it."""
        if (width or self.width, height or self.height) != (self.width, self.height):
            raise ValueError(f"only {self.width}x{self.height} was kept of this picture, not {width}x{height}")
        return self._crop


def windows(frames: Iterable[Frame], length: int, dropped: Counter[str], max_gap: float = np.inf) -> Iterator[Window]:
    """Cut frames into windows of `length`; a gap of more than max_gap seconds starts a new one.

    The frames of a window that stays incomplete are counted in dropped['incomplete sequence'].
    """
    if length == 1:
        yield from ((frame,) for frame in frames)
        return
    window: list[Frame] = []
    for frame in frames:
        if window and frame.mark.time - window[-1].mark.time > max_gap:
            dropped["incomplete sequence"] += len(window)
            window = []
        window.append(frame)
        if len(window) == length:
            yield tuple(window)
            window = []
    dropped["incomplete sequence"] += len(window)


def blocks(
    stream: Iterable[Window], judge_size: tuple[int, int], encode: Callable[[Picture], bytes] | None = None
) -> Iterator[list[Window]]:
    """Group windows into blocks bounded in frames and bytes. Cuts never change what is decided, only memory.

    encode: makes the file of a picture of a source that cannot be read again; None where it can.
    """
    block: list[Window] = []
    held = 0
    try:
        for window in stream:
            if sum(frame.nbytes for frame in window) > BLOCK_BYTES and len(window) > 1:
                window = tuple(_shrink(frame, judge_size, encode) for frame in window)
            block.append(window)
            held += sum(frame.nbytes for frame in window)
            if len(block) * len(window) >= BLOCK_FRAMES or held >= BLOCK_BYTES:
                yield block
                block, held = [], 0
    except SourceError:
        if block:
            yield block  # what came before the source was lost
        raise
    if block:
        yield block


def _shrink(frame: Frame, size: tuple[int, int], encode: Callable[[Picture], bytes] | None) -> Frame:
    picture = frame.picture
    return replace(frame, picture=Shrunk(picture.i420(), picture.rgb(*size), encode and encode(picture)))


def writable(window: Window) -> Window:
    """The window, where its pictures can be written as they are; empty where only the judge's are left of them."""
    pictures = (frame.picture for frame in window)
    whole = all(not isinstance(picture, Shrunk) or picture.encoded is not None for picture in pictures)
    return window if whole else ()
