"""The one door of this room: a source and options in, a decoder out."""

from __future__ import annotations

from typing import Any

from streamsel.data import Source
from streamsel.decode import Decoder
from streamsel.decode.video import VideoDecoder

__all__ = ["open_decoder"]


def open_decoder(source: Source, **options: Any) -> Decoder:
    """A decoder for the source. Raises SourceError when it cannot be opened or holds no picture."""
    return VideoDecoder(source, **options)
