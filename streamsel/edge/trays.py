"""Frames that were embedded, and wait for the others of their sequence before their lane decides.

They go on all at once. So what is committed stands at whole sequences: no picture is written for frames that may never
be picked, and a kill costs what a folder gives again, or what a camera showed last. A lane holds what little it knows
of a frame itself where one of them could not be used; what it decides is the same without trays.

However many wait, their pictures take so much memory and no more: a part of them as they were decoded, others as JPEG,
and for the rest, those that came first, a file of their sequence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from streamsel.data import Vector
from streamsel.edge import Seen
from streamsel.edge.keeping.jpeg_picture import JpegPicture
from streamsel.edge.process.spill import Spill
from streamsel.edge.rhythm import Rhythm

__all__ = ["Row", "Trays"]

Row = tuple[Seen, Vector]
"""A frame, and its vector: (D,) float32, empty where nothing reads vectors or there is no frame."""

WHOLE: Final = 2
"""Of so many parts of the memory, one is what frames may take as they were decoded, before others become JPEG."""


@dataclass(slots=True)
class _Tray:
    """Of one source. away: how many of its rows, the first ones, have their picture in the file."""

    rows: list[Row] = field(default_factory=list)
    rhythm: Rhythm = field(default_factory=Rhythm)
    away: int = 0
    file: Spill | None = None

    def emptied(self) -> list[Row]:
        """Its rows, of which it holds none any more; those that have them go on reading the file."""
        rows, self.rows, self.away, self.file = self.rows, [], 0, None
        return rows


class Trays:
    """Of all sources. length: frames of a sequence; with 1 none waits.

    most: bytes of memory for what waits, asked for each time. encoded: a frame's picture as it waits in less of it; the
    same where it does already. file: makes one for pictures that have no room. incomplete: told of a live source's
    place, and how many of its frames were given up, since its stream broke off.
    """

    def __init__(
        self,
        length: int,
        most: Callable[[], int],
        encoded: Callable[[Seen], JpegPicture],
        file: Callable[[], Spill],
        incomplete: Callable[[int, int], None],
    ) -> None:
        self._length, self._most, self._encoded, self._file, self._incomplete = length, most, encoded, file, incomplete
        self._trays: defaultdict[int, _Tray] = defaultdict(_Tray)
        self._whole = 0
        """Bytes of frames as they were decoded."""
        self.frames = self.nbytes = 0
        """That wait, and the bytes of memory that they take."""

    def take(self, rows: Sequence[Row]) -> list[Row]:
        """What is to be decided now: in order of each source. `fit` is to follow, once that is."""
        if self._length == 1:
            return list(rows)
        return [ready for seen, vector in rows for ready in self._taken(replace(seen, crop=None), vector)]

    def fit(self) -> None:
        """What takes more memory than there is goes to files. Raises SinkError, and can be called again then."""
        for tray in self._trays.values():
            while tray.away < len(tray.rows) and self.nbytes > self._most():
                self._send_away(tray)

    def end(self) -> None:
        """Nothing more comes: what waits of live sources is given up. A folder's frames come again."""
        for place, tray in self._trays.items():
            if tray.rows and tray.rows[0][0].segment is None:
                self._give_up(place, tray)

    def _taken(self, seen: Seen, vector: Vector) -> list[Row]:
        tray = self._trays[seen.place]
        if seen.segment is None and seen.frame is not None and tray.rhythm.breaks(seen.frame.mark.time, seen.started):
            self._give_up(seen.place, tray)
            seen = replace(seen, anew=True)
        ends = seen.frame is None or (seen.segment is not None and seen.last)
        if ends or len(tray.rows) + 1 == self._length:
            return [*self._emptied(tray), (seen, vector)]
        if self._whole + seen.nbytes > self._most() // WHOLE:
            seen = _showing(seen, self._encoded(seen))
        tray.rows.append((seen, vector))
        self._count(seen, 1)
        return []

    def _send_away(self, tray: _Tray) -> None:
        """The picture of the first row that has it yet goes to the file."""
        seen, vector = tray.rows[tray.away]
        tray.file = tray.file or self._file()
        smaller = _showing(seen, self._encoded(seen).away(tray.file.put))
        self._count(seen, -1)
        self._count(smaller, 1)
        tray.rows[tray.away] = smaller, vector
        tray.away += 1

    def _emptied(self, tray: _Tray) -> list[Row]:
        rows = tray.emptied()
        for seen, _ in rows:
            self._count(seen, -1)
        return rows

    def _give_up(self, place: int, tray: _Tray) -> None:
        if rows := self._emptied(tray):
            self._incomplete(place, len(rows))

    def _count(self, seen: Seen, by: int) -> None:
        """It waits, or waits no more."""
        self.frames += by
        self.nbytes += by * seen.nbytes
        if seen.frame and not isinstance(seen.frame.picture, JpegPicture):
            self._whole += by * seen.nbytes


def _showing(seen: Seen, picture: JpegPicture) -> Seen:
    return replace(seen, frame=replace(seen.frame, picture=picture) if seen.frame else None)
