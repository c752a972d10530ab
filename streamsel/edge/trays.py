"""Frames that were embedded, and wait for the others of their sequence before their lane decides.

They wait in memory, and go on all at once. So what is committed stands at whole sequences: no picture is written for
frames that may never be picked, and a kill costs what a folder gives again, or what a camera showed last. A lane holds
what little it knows of a frame itself where one of them could not be used; what it decides is the same without trays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from streamsel.data import Vector
from streamsel.edge import Seen
from streamsel.edge.rhythm import Rhythm

__all__ = ["Row", "Trays"]

Row = tuple[Seen, Vector]
"""A frame, and its vector: (D,) float32, empty where nothing reads vectors or there is no frame."""


@dataclass(slots=True)
class _Tray:
    """Of one source."""

    rows: list[Row] = field(default_factory=list)
    rhythm: Rhythm = field(default_factory=Rhythm)


class Trays:
    """Of all sources. length: frames of a sequence; with 1 none waits.

    whole: bytes of frames that are held as they were decoded, asked for each time; those beyond that are held as what
    `encoded` makes of them. None: all are held as they are. incomplete: told of a live source's place, and how many of
    its frames were given up, since its stream broke off.
    """

    def __init__(
        self,
        length: int = 1,
        whole: Callable[[], int] = lambda: 0,
        encoded: Callable[[Seen], Seen] | None = None,
        incomplete: Callable[[int, int], None] = lambda place, frames: None,
    ) -> None:
        self._length, self._whole, self._encoded, self._incomplete = length, whole, encoded, incomplete
        self._trays: defaultdict[int, _Tray] = defaultdict(_Tray)
        self._of_frames: dict[int, int] = {}
        """By source: bytes of frames as they were decoded."""
        self.frames = self.nbytes = 0
        """That wait, and their bytes."""

    @property
    def room(self) -> int:
        """Bytes of frames that may wait as they were decoded, beside the queue."""
        return self._whole() if self._length > 1 else 0

    def take(self, rows: Sequence[Row]) -> list[Row]:
        """What is to be decided now: in order of each source."""
        if self._length == 1:
            return list(rows)
        return [ready for seen, vector in rows for ready in self._taken(replace(seen, crop=None), vector)]

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
        tray.rows.append((seen, vector))
        ends = seen.frame is None or (seen.segment is not None and seen.last)
        if ends or len(tray.rows) == self._length:
            return self._emptied(seen.place, tray)
        tray.rows[-1] = self._held(seen), vector
        return []

    def _held(self, seen: Seen) -> Seen:
        """As it waits."""
        most = self._whole() if self._encoded else 0
        if self._encoded and sum(self._of_frames.values()) + seen.nbytes > most:
            seen = self._encoded(seen)
        else:
            self._of_frames[seen.place] = self._of_frames.get(seen.place, 0) + seen.nbytes
        self.frames += 1
        self.nbytes += seen.nbytes
        return seen

    def _emptied(self, place: int, tray: _Tray) -> list[Row]:
        """All of its rows; the last one never waited."""
        rows, tray.rows = tray.rows, []
        self._left(place, rows[:-1])
        return rows

    def _give_up(self, place: int, tray: _Tray) -> None:
        rows, tray.rows = tray.rows, []
        self._left(place, rows)
        if rows:
            self._incomplete(place, len(rows))

    def _left(self, place: int, rows: Sequence[Row]) -> None:
        self._of_frames.pop(place, None)
        self.frames -= len(rows)
        self.nbytes -= sum(seen.nbytes for seen, _ in rows)
