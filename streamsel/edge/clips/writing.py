"""Clips of picks: a thread of its own writes them, so that no disk holds up the loop or a source.

A clip of a live source that a kill interrupts is lost, since its packets were in memory; its picture and its event
stay. One of a segment is cut again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from streamsel.config.edge import EdgeClips
from streamsel.config.edge_source import EdgeSource
from streamsel.daemon.log_lines import say
from streamsel.edge.clips.clip_wish import Ended
from streamsel.edge.clips.live_clips import LiveClips
from streamsel.edge.clips.ring import Ring
from streamsel.edge.clips.segment_clips import SegmentClips
from streamsel.edge.feeds.connection import told
from streamsel.edge.keeping.shots import Shot
from streamsel.edge.parts import Picked

__all__ = ["CLIPS", "Clips"]

CLIPS: Final = "clips"
"""The note of clips that are to be cut out of segments."""

TURN: Final = 0.2
"""Seconds after which it looks what has come."""

FAREWELL: Final = 3.0
"""Seconds that it gets to close files that are open."""

GONE: Final = "nothing of it is in memory any more, or it is not encoded"


class Clips:
    """folder: of pictures. noted: the note `CLIPS` of the process before. ended: of each clip, asked for by `taken`.
    waits: seconds by which frames of live sources wait for the last one of their sequence.

    All but `ring` is for the loop's thread.
    """

    def __init__(
        self,
        folder: Path,
        rule: EdgeClips,
        sources: Sequence[EdgeSource],
        noted: Mapping[str, Any] | None,
        waits: float = 0.0,
    ) -> None:
        folders = {one.name: one.folder for one in sources if one.clips and one.folder is not None}
        self._names = {one.name for one in sources if one.clips}
        self._live = LiveClips(folder, rule, waits)
        self._segments = SegmentClips(folder, rule, folders, noted)
        self._ended: deque[Ended] = deque()
        self._missing: dict[str, Ended] = {}
        """By the id of a pick that is not committed yet, and is to have no clip."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._thread.start()

    @property
    def nbytes(self) -> int:
        """Of packets that are kept of live sources."""
        return self._live.rings.nbytes

    @property
    def dropped(self) -> int:
        """Bytes of packets that did not fit into memory, although they could still have been asked for."""
        return self._live.rings.dropped

    def ring(self, source: str, started: str) -> Ring | None:
        """For the packets of a new connection, by its thread; None: it has no clips."""
        return self._live.ring(source, started) if source in self._names else None

    def plan(self, source: str, shot: Shot, taken: datetime, stem: str, id_: str) -> str | None:
        """The file that is to show a pick, relative to the folder; None: there is none. Asked twice, it says the same.

        stem: of the pick's picture: its path without `.jpg`. id_: of its event.
        """
        if source not in self._names:
            return None
        kind = self._segments if shot.segment else self._live
        file = kind.plan(source, shot, shot.mark.time, taken, stem, id_)
        if file is None:
            self._missing[id_] = Ended(source, stem, GONE)
        else:
            self._missing.pop(id_, None)
        return file

    def committed(self, picks: Sequence[Picked]) -> None:
        """Their clips are to be written; of those that have none it is told now, once, however often it was tried."""
        for _, _, written in picks:
            if (missing := self._missing.pop(written.id, None)) is not None:
                self._tell([missing])
            self._live.committed(written.id)
            self._segments.committed(written.mark.source, written.id)

    def noted(self) -> dict[str, Any]:
        """Notes that are to be committed with picks."""
        return {CLIPS: self._segments.noted()}

    def taken(self) -> list[Ended]:
        """What became of clips since the last call."""
        return [self._ended.popleft() for _ in range(len(self._ended))]

    def close(self) -> None:
        """Closes what is open; the packets of sources must have ended."""
        self._stopping.set()
        self._thread.join(FAREWELL)

    def _run(self) -> None:
        while True:
            stopping = self._stopping.wait(TURN)
            for kind in (self._live, self._segments):
                try:
                    self._tell(kind.step(stopping=stopping))
                except Exception as error:  # a thread that ends silently is worse than any of them
                    say("clips", logging.ERROR, reason=told(error))
            if stopping:
                return

    def _tell(self, ended: Sequence[Ended]) -> None:
        for one in ended:
            if one.reason:
                say("clip given up", logging.WARNING, source=one.source, clip=one.file, reason=one.reason)
            self._ended.append(one)
