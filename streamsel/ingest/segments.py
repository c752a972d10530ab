"""Segments of video, frame by frame; damage is believed only of a file that the disk gives as a whole.

A frame's source is the camera, as of a picture; its name is that by which users' files tell of a frame of a video.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache, partial
from typing import Final

from streamsel.daemon.log_lines import say
from streamsel.data import Frame, Mark, Picture, Source
from streamsel.decode.ahead import read_ahead
from streamsel.decode.looking import Looking
from streamsel.decode.open import open_decoder
from streamsel.errors import SourceError
from streamsel.sink.names import frame_name
from streamsel.topic import Message
from streamsel.topic.incoming import DIFFERS, Carried, PoisonError
from streamsel.topic.references import References

__all__ = ["Segments"]

WAITING: Final = 16 << 20
"""Bytes of decoded frames that wait."""


class Segments:
    """Opens segments. looking: which frames. threads: for decoding. most_pixels: of a frame."""

    def __init__(self, looking: Looking, threads: int, most_pixels: int) -> None:
        self._looking, self._threads, self._most = looking, threads, most_pixels

    def frames(self, references: References, message: Message, carried: Carried) -> Iterator[Frame]:
        """Frames as they are decoded. What was lost of them is told in the log, when all are read.

        Raises SourceError, behind the frames before, for what is wrong with the segment; DiskError where that is the
        disk's fault. A digest that differs is told before the first frame.
        """
        path = references.find(carried.reference, message.timestamp / 1000)
        if carried.sha256 and references.digest(path, carried.reference) != carried.sha256:
            raise PoisonError(DIFFERS)
        check = cache(partial(references.check, path, carried.reference))
        try:
            with (
                open_decoder(Source(carried.name, str(path)), looking=self._looking, threads=self._threads) as decoder,
                closing(read_ahead(decoder.read(), WAITING)) as frames,
            ):
                for frame in frames:
                    self._check_size(frame.picture)
                    if decoder.problems:
                        check()
                    yield replace(frame, mark=_placed(frame.mark, carried), signals=carried.metadata)
        except PoisonError:
            raise
        except SourceError:
            check()
            raise
        if decoder.problems:
            check()
            _tell(message, decoder.problems)

    def _check_size(self, picture: Picture) -> None:
        if picture.width * picture.height > self._most:
            raise PoisonError(f"{picture.width} x {picture.height} is more than {self._most} pixels")


def _placed(mark: Mark, carried: Carried) -> Mark:
    """Segments of two cameras may have one name."""
    return replace(mark, source=carried.source, name=frame_name(mark, 1, "png"))


def _tell(message: Message, problems: Mapping[str, int]) -> None:
    lost = [f"{count} {problem}" for problem, count in sorted(problems.items())]
    say("damaged", logging.WARNING, partition=message.partition, offset=message.offset, problems=lost)
