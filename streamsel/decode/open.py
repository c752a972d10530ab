"""The one door of this room: a source and what is wanted of it in, a decoder out."""

from __future__ import annotations

from fractions import Fraction

from streamsel.data import Source
from streamsel.decode import Decoder
from streamsel.decode.images import ImageFolderDecoder
from streamsel.decode.live import LiveDecoder
from streamsel.decode.looking import Box, Looking, ending
from streamsel.decode.video import VideoDecoder

__all__ = ["open_decoder"]


def open_decoder(
    source: Source,
    *,
    crop: Box | None = None,
    looking: Looking | None = None,
    start: Fraction | None = None,
    end: Fraction | None = None,
    duration: Fraction | None = None,
    threads: int = 0,
) -> Decoder:
    """Open a source.

    crop: (width, height, x, y) in the upright picture. looking: which frames are yielded, all unless given.
    start, end: seconds since the first frame; `duration` seconds after start is another end, the earlier one counts.
    Pictures in folders have no times: they are all taken. threads: of a video's decoder, 0 for all cores.

    Raises SourceError when the source cannot be opened or holds no picture, UsageError when the options exclude
    every frame.
    """
    if source.kind == "images":
        return ImageFolderDecoder(source, crop=crop, looking=looking)
    end = ending(start, end, duration)
    kind = LiveDecoder if source.kind == "live" else VideoDecoder
    return kind(source, crop=crop, looking=looking, start=start, end=end, threads=threads)
