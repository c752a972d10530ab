"""Folders of still pictures: each picture a frame, in the order of their names."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np

from streamsel.data import Frame, Mark, Pixels, Source, fingerprint
from streamsel.decode.failure import failure
from streamsel.decode.folder import pictures
from streamsel.decode.looking import Box, Looking
from streamsel.decode.picture import StillPicture
from streamsel.decode.stills import open_still

__all__ = ["ImageFolderDecoder"]

UNREADABLE = "unreadable picture"


class ImageFolderDecoder:
    """Opens the pictures of a folder by Pillow, upright as their EXIF says, converted to RGB; alpha is ignored.

    location: a folder, a single picture, or a folder with a pattern of names (`photos/*.jpg`).
    index: rank among the files, sorted by name; it counts files that cannot be opened, too. pts: the same, in seconds.
    Of `looking`, `every` applies; pictures have no times, so `fps` and `keyframes` look at all of them.
    crop: part of the upright picture; a picture too small for it counts as unreadable.

    Raises SourceError when there is no picture, or none that can be opened.
    """

    seekable = True
    index_exact = True

    def __init__(self, source: Source, *, crop: Box | None = None, looking: Looking | None = None) -> None:
        self.source = source
        self.problems: Counter[str] = Counter()
        self.unreadable: dict[str, str] = {}
        """Name -> why, of the pictures that could not be opened since reading began."""
        self._crop = crop
        self._every = (looking or Looking()).every
        self._files = pictures(source)
        if all(isinstance(self._opened(path), str) for path in self._files):
            raise failure(source.id, f"none of its {len(self._files)} pictures can be opened; leave it out")

    def read(self, after: Mark | None = None) -> Iterator[Frame]:
        """Yield the pictures looked at, from the first one or from behind `after`; see `streamsel.decode`."""
        self.problems.clear()
        self.unreadable.clear()
        first = 0 if after is None else self._again(after).mark.index + 1
        for index in range(first, len(self._files)):
            if index % self._every == 0:
                frame = self._frame(index)
                if isinstance(frame, str):
                    self.problems[UNREADABLE] += 1
                    self.unreadable[self._files[index].name] = frame
                else:
                    yield frame

    def fetch(self, marks: Sequence[Mark]) -> Iterator[Frame]:
        """Yield the pictures of these marks, by index; see `streamsel.decode`."""
        for mark in sorted(set(marks), key=lambda mark: mark.index):
            yield replace(self._again(mark), mark=mark)

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _again(self, mark: Mark) -> Frame:
        """The picture of a mark. Raises SourceError when another one is in its place."""
        there = mark.index < len(self._files) and self._files[mark.index].name == mark.name
        frame = self._frame(mark.index) if there else ""
        if isinstance(frame, str) or mark.check not in (0, frame.mark.check):
            what = mark.name or f"picture {mark.index}"
            raise failure(self.source.id, f"{what} is not the one it was: the folder changed; run with --fresh")
        return frame

    def _frame(self, index: int) -> Frame | str:
        """The picture, or why it cannot be opened."""
        path = self._files[index]
        pixels = self._opened(path)
        if isinstance(pixels, str):
            return pixels
        picture = StillPicture(pixels, path if self._crop is None else None)
        mark = Mark(self.source.id, index, index, Fraction(1), fingerprint(picture.i420()), path.name)
        return Frame(mark, picture, key=True)

    def _opened(self, path: Path) -> Pixels | str:
        """The picture's pixels, (height, width, 3) uint8; or why it cannot be opened."""
        with warnings.catch_warnings(action="ignore"):
            still = open_still(path)
        if isinstance(still, str) or self._crop is None:
            return still if isinstance(still, str) else still.pixels
        return _cropped(still.pixels, self._crop)


def _cropped(pixels: Pixels, crop: Box) -> Pixels | str:
    width, height, x, y = crop
    cut = pixels[y : y + height, x : x + width]
    if cut.shape[:2] != (height, width):
        return f"the crop {crop} does not lie inside its {pixels.shape[1]} x {pixels.shape[0]} picture"
    return np.ascontiguousarray(cut)
