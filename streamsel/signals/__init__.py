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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from streamsel.data import Frame

__all__ = ["Box", "Signal", "Value"]

Value = float | int | str | bool | Mapping[str, float] | None


class Signal(Protocol):
    """One value per frame; see the module's text."""

    key: str
    """The name that its values have in the manifest, such as `lightly.sharpness` or `weather`."""

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """A value for each frame, all at once: measuring is vectorised where it can be."""
        ...


@dataclass(frozen=True, slots=True)
class Box:
    """An object of a frame: where it is, and what it was taken for.

    x, y, width, height: pixels from the top left, not rounded. label: its class. score: 0..1. index: its place among
    the frame's predictions. task: what predicted it.
    """

    x: float
    y: float
    width: float
    height: float
    label: str = ""
    score: float = 1.0
    index: int = 0
    task: str = ""
