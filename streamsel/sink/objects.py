"""Objects as picks: the frame that holds one, and the object cut out of it, as two files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamsel.data import Box, Frame, Mark, Pick, Picture, Pixels
from streamsel.sink.crops import Crop, CropSink
from streamsel.sink.disk import DiskSink

__all__ = ["ObjectSink"]


class ObjectSink:
    """Writes the frame of each pick by `frames`, its object by `crops`; `write` gives both names, in this order.

    cut: (h, w, 3) uint8 RGB of a picture's padded box. Objects of one frame that come one after the other have it
    written once.
    """

    def __init__(
        self, frames: DiskSink, crops: CropSink, cut: Callable[[Picture, Box, float], Pixels], padding: float = 0.0
    ) -> None:
        self._frames, self._crops, self._cut, self._padding = frames, crops, cut, padding
        self._latest: tuple[Mark | None, list[str]] = (None, [])

    def write(self, pick: Pick, frames: Sequence[Frame]) -> list[str]:
        """See `Sink`. The pick is an object: its candidate has a box."""
        (frame,), box = frames, pick.candidate.box
        if box is None:
            raise ValueError(f"pick {pick.ordinal} has no box: it is no object")
        if self._latest[0] != frame.mark:
            self._latest = (frame.mark, self._frames.write(pick, frames))
        crop = Crop(frame.mark, box, self._padding)
        pixels = self._cut(frame.picture, box, self._padding)
        return [*self._latest[1], self._crops.write(crop, pixels, self._frames.id_of(frame.mark))]

    def encode(self, picture: Picture) -> bytes:
        """See `Sink`."""
        return self._frames.encode(picture)

    def flush(self) -> None:
        """See `Sink`."""
        self._frames.flush()
        self._crops.flush()
