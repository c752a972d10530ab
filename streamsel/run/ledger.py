"""What blocks of frames changed, gathered until it is committed in one step.

A commit is due after some frames or bytes, and at once when something was picked. Where it falls changes nothing
but how much is decided again after a crash.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Decision, Mark, Source, Vector
from streamsel.embed import Looked, Row, Window
from streamsel.embed.larder import Larder, Stored
from streamsel.store import Changes, Judged, Kept, Outgoing, PickRow, Span
from streamsel.store.embedded import SqliteStore

if TYPE_CHECKING:
    from streamsel.run.sending import Sending

__all__ = ["Ledger"]

FRAMES = 2048
BYTES = 16 << 20
SECONDS = 5.0


class Ledger:
    """Collects changes and commits them with the state that `arrays` gives at that moment.

    sending: gets the records of picks, in the same commit as the picks; None: they go nowhere but to disk.
    """

    def __init__(
        self,
        store: SqliteStore,
        larder: Larder,
        arrays: Callable[[], Mapping[str, npt.NDArray[Any]]],
        sending: Sending | None = None,
    ) -> None:
        self.store, self._larder, self._arrays, self._sending = store, larder, arrays, sending
        self._position: Mark | None = None
        self._frames = 0
        self._last = time.monotonic()
        self._spans: list[Span] = []
        self._grows = True  # nothing was judged since the last span
        self._judged: list[Judged] = []
        self._picks: list[PickRow] = []
        self._heirs: dict[int, int] = {}

    @property
    def due(self) -> bool:
        """Whether it is time to commit."""
        late = time.monotonic() - self._last > SECONDS
        return bool(self._picks) or self._frames >= FRAMES or late or self._larder.fresh_bytes >= BYTES

    def block(self, block: Sequence[Window], reasons: Sequence[str], looked: Looked) -> None:
        """A block was looked at: windows that are not judged at once become spans under who stands for them.

        reasons: why each window was turned away before the scout saw it; empty where it was not.
        """
        self._frames += sum(map(len, block))
        self._position = block[-1][-1].mark
        self.inherit(looked.heirs)
        judged = {row.id for row in looked.rows}
        seen = iter(zip(looked.ids, looked.holders, strict=True))
        for window, reason in zip(block, reasons, strict=True):
            row, holder = (-1, -1) if reason else next(seen)
            if reason or row not in judged:
                self._hold(window, holder, not reason and row == holder, reason or "held")
            else:
                self._grows = False

    def _hold(self, window: Window, holder: int, own: bool, reason: str) -> None:
        first, last = window[0].mark, window[-1].mark
        before = self._spans[-1] if self._spans and self._grows and not own else None
        self._grows = True
        known = None if before is None or before.own else (before.row, before.source, before.reason)
        if before and known == (holder, first.source, reason):
            frames = before.frames + len(window)
            self._spans[-1] = replace(before, last=last.index, frames=frames)
        else:
            self._spans.append(
                Span(first.source, first.index, last.index, first.pts, first.time, holder, len(window), own, reason)
            )

    def inherit(self, heirs: Mapping[int, int]) -> None:
        """Rows that are gone, and who stands for them."""
        self._heirs.update(heirs)

    def decide(self, row: Row, decision: Decision) -> None:
        """A row was judged."""
        first = row.marks[0]
        self._judged.append(
            Judged(
                row.id,
                first.source,
                first.index,
                row.marks[-1].index,
                first.pts,
                first.time,
                decision.keep,
                decision.reason,
                decision.distance,
                decision.nearest,
            )
        )

    def pick(self, ordinal: int, row: Row, vector: Vector, decision: Decision, files: Sequence[str] | None) -> None:
        """A row was picked; files: None while its pictures are not written."""
        self._picks.append(
            PickRow(
                ordinal,
                row.id,
                row.marks,
                decision.reason,
                decision.distance,
                decision.nearest,
                decision.gains,
                vector,
                None if files is None else tuple(files),
                row.signals,
                row.box,
            )
        )

    def commit(
        self,
        source: Source | None = None,
        *,
        done: bool = False,
        facts: Mapping[str, Any] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Make everything gathered durable, with the position in `source` to go on from."""
        fresh, gone = self._larder.take()
        self.store.commit(
            Changes(
                stream=source.id if source else "",
                position=self._position,
                done=done,
                facts=facts or {},
                arrays=self._arrays(),
                kept=[_kept(stored) for stored in fresh],
                released=gone,
                vectors=self._larder.take_bared(),
                heirs=self._heirs,
                spans=self._spans,
                judged=self._judged,
                picks=self._picks,
                notes=notes or {},
                outbox=self._sending.records(self._picks, facts or {}, self._spans) if self._sending else (),
            )
        )
        self._spans, self._judged, self._picks, self._heirs = [], [], [], {}
        self._frames, self._last = 0, time.monotonic()
        if self._sending:
            self._sending.pump()

    def written(self, pick: PickRow, files: Sequence[str], vector: Vector) -> None:
        """The pictures of a pick that was committed without them are durable; its vector is known by now."""
        outbox: Sequence[Outgoing] = ()
        if self._sending:
            facts = self.store.restore(pick.marks[0].source).facts
            outbox = self._sending.records([replace(pick, files=tuple(files), vector=vector)], facts)
        self.store.delivered(pick.ordinal, files, vector, outbox)
        if self._sending:
            self._sending.pump()

    def start(self, position: Mark | None) -> None:
        """A source begins, or goes on after `position`."""
        self._position = position


def _kept(stored: Stored) -> Kept:
    crops = b"" if stored.crops is None else np.ascontiguousarray(stored.crops).data
    return Kept(stored.row, stored.marks, crops, stored.pictures, stored.vector, stored.signals)
