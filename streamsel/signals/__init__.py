"""signals: what is known of a frame beside its vector: measured on it, or read from files that lie beside it.

A Signal gives one value per frame. Values are plain JSON, so that they are kept, shown in the manifest and restored as
they are:

- a number (float or int): metadata, scores, category counts, what is measured;
- a label (str, int or bool): categorical metadata;
- counts, {class: amount}: class distributions; a class that is not named counts 0;
- None: not known (no file, no default). Whoever needs a number then says so, with the frame's name.

`name` is that of the frame as the product users come from writes it: `sub/video_1-099-mp4.png` for a frame of a
video, `sub/picture.jpg` for a picture. Reading and measuring never change a frame; what cannot be read raises
SourceError with the file, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamsel.data import Box, Frame, Value

__all__ = ["Box", "Signal", "Value"]


class Signal(Protocol):
    """One value per frame; see the module's text."""

    key: str
    """The name that its values have in the manifest, such as `lightly.sharpness` or `weather`."""

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """A value for each frame, all at once: measuring is vectorised where it can be."""
        ...
