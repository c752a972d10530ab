"""Rows kept for later, counted by who still needs them: a coreset, a sample for the report.

Pictures are converted once, when a row is first held. What is dropped before the next commit never reaches the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from streamsel.data import Frame, Mark, Picture, Pixels, Value, Vector
from streamsel.embed import Window

__all__ = ["BARE", "Larder", "Stored"]

BARE: Final[Vector] = np.empty(0, np.float32)
"""The vector of a row that is never embedded."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A row with all that is kept of it: judge-size pictures (L, H, W, 3) or its vector; from a live source, files."""

    row: int
    marks: tuple[Mark, ...]
    crops: Pixels | None = field(default=None, repr=False)
    vector: Vector | None = field(default=None, repr=False)
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    signals: Mapping[str, Value] = field(default_factory=dict, repr=False)


class Larder:
    """Holds rows while anyone needs them.

    size: width and height of the pictures kept (None: none, the vector is). encode: set while pictures come from a
    source that cannot be read again (live), makes a file's bytes of one.
    """

    def __init__(self, size: tuple[int, int] | None) -> None:
        self._size = size
        self.encode: Callable[[Picture], bytes] | None = None
        self._users: Counter[int] = Counter()
        self._fresh: dict[int, Stored] = {}
        self._gone: list[int] = []
        self._bared: list[int] = []
        self.notes = False
        """Whether a row stays, without pictures, when its last user goes."""

    @property
    def fresh_bytes(self) -> int:
        """Bytes of pictures held since the last `take`."""
        return sum(len(s.crops.reshape(-1)) if s.crops is not None else 0 for s in self._fresh.values())

    def hold(self, row: int, window: Window, vector: Vector | None = None) -> None:
        """One more user for a row; its pictures are taken when it is the first."""
        self._users[row] += 1
        if self._users[row] == 1:
            crops = None if self._size is None else np.stack([f.picture.rgb(*self._size) for f in window])
            files = () if self.encode is None else tuple(map(self._file, window))
            marks = tuple(f.mark for f in window)
            self._fresh[row] = Stored(row, marks, crops, vector, files, window[0].signals)

    def note(self, row: int, window: Window) -> None:
        """Keep a row for good, without pictures of its own: an empty vector in their place."""
        if row not in self._fresh:
            marks = tuple(f.mark for f in window)
            files = () if self.encode is None else tuple(map(self._file, window))
            self._fresh[row] = Stored(row, marks, None, BARE, files, window[0].signals)

    def _file(self, frame: Frame) -> bytes:
        kept: bytes | None = getattr(frame.picture, "encoded", None)
        if kept is None and self.encode is not None:
            kept = self.encode(frame.picture)
        return kept or b""

    def release(self, row: int) -> None:
        """One user fewer; with the last one the row goes."""
        self._users[row] -= 1
        if self._users[row] == 0:
            del self._users[row]
            if self.notes:
                self._bare(row)
            elif self._fresh.pop(row, None) is None:
                self._gone.append(row)

    def _bare(self, row: int) -> None:
        """Only its pictures go."""
        if row in self._fresh:
            self._fresh[row] = replace(self._fresh[row], crops=None, vector=BARE)
        else:
            self._bared.append(row)

    def take_bared(self) -> dict[int, Vector]:
        """Noted rows that lost their pictures since the last call, and the empty vector that takes their place."""
        bared, self._bared = self._bared, []
        return dict.fromkeys(bared, BARE)

    def take(self) -> tuple[list[Stored], list[int]]:
        """Rows that came and rows that went since the last call."""
        fresh, gone = list(self._fresh.values()), self._gone
        self._fresh, self._gone = {}, []
        return fresh, gone

    def restore(self, users: Iterable[int]) -> None:
        """Every row in `users` is in use, as often as it stands there."""
        self._users = Counter(users)
