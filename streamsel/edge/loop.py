"""The edge loop, on one page: take frames of all sources, embed them at once, decide source by source, commit.

A commit that fails, as on a full disk, is tried again with lanes as they were committed, until it succeeds; so is what
cannot be decided while the disk of a user's predictions is away. Meanwhile live sources lose frames, which are counted,
and nothing that was decided is lost.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

import numpy as np

from streamsel.daemon.log_lines import say
from streamsel.daemon.pauses import pauses
from streamsel.data import Vector
from streamsel.edge import Seen
from streamsel.edge.decided import Decided
from streamsel.edge.keeping.due import DUE, WRITING, write_due
from streamsel.edge.parts import Parts
from streamsel.edge.reloading import refused
from streamsel.edge.showing.journal import Readings
from streamsel.edge.trays import Row
from streamsel.edge.windows import parting
from streamsel.errors import DiskError, SinkError, StreamselError
from streamsel.lanes.breath import Breath
from streamsel.lanes.lane import Lane
from streamsel.lanes.pick_facts import text_of
from streamsel.sink.durable import is_full
from streamsel.store.entries import Committed

__all__ = ["Loop"]

TURN = 0.5
"""Seconds that are waited for something to do."""

LONGEST = 1.0
"""Seconds that one batch is to take, about."""

GRACE = 2.0
"""Seconds after a stop in which pictures of picks are still written as files; then they are put into the state."""

ROOM = 2_000_000
"""Bytes that are made free by removing old pictures where something could not be written."""


class Loop:
    """Runs until stopping is set, then returns: what was not committed is looked at again, where its source has it."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._most = parts, parts.batch
        self._readings = Readings([name for name, _ in parts.lanes])
        self.lanes = self._restored()
        """By the source's place in the config, as they are committed."""
        parts.windows.show(self.lanes)

    def run(self, stopping: threading.Event) -> None:
        """Turn after turn. Raises StreamselError where no retry would help."""
        parts = self._parts
        breath = Breath(partial(self._lives, stopping))
        self._lasting(lambda _: write_due(parts.store, parts.pictures.put, parts.pictures.flush, breath), stopping)
        self._part(stopping)
        while not (stopping.is_set() or parts.ended()):
            self._reload()
            seen = parts.inbox.take(min(self._most, parts.batch), TURN)
            if behind := parts.windows.behind(self.lanes, seen):
                self._settle((), behind, stopping)
            over = parts.windows.over(self.lanes, {one.place for one in seen})
            if seen or over:
                self._settle(seen, over, stopping)
            if parts.sendings:
                parts.sendings.pump()
            parts.quota.make_room(datetime.now(UTC))
            self._forget()
            self._turned()
        parts.trays.end()

    def _reload(self) -> None:
        """Take in other thresholds, with the state that there is; where that cannot be, all stays as it was."""
        before = self._parts.lanes
        try:
            reloaded = self._parts.reloaded()
            if reloaded is None:
                return
            self._parts.lanes, take = reloaded
            self.lanes = self._restored()
        except StreamselError as error:
            self._parts.lanes = before
            refused(str(error))
        else:
            say("reloaded", changed=list(take()))

    def _part(self, stopping: threading.Event) -> None:
        """Windows that are open in the state, and not in the file any more, are chosen of before all else."""
        if places := parting(self.lanes, [name for name, _ in self._parts.lanes]):
            self._settle((), places, stopping)
            self.lanes = self.lanes if stopping.is_set() else self._restored()

    def _settle(self, seen: Sequence[Seen], over: Sequence[int], stopping: threading.Event) -> None:
        """Decides frames, and windows of sources that are over, and commits it, as often as it takes."""
        began = time.monotonic()
        vectors = self._embedded(seen)
        if stopping.is_set():
            return
        trays = self._parts.trays
        rows = trays.take(list(zip(seen, vectors, strict=True)))

        def settled(failed: bool) -> None:
            if failed:
                self.lanes = self._restored()
            if rows or over:
                self._decide(rows, over, stopping)

        # Sequences that are whole do not wait for a disk that has no room for the others.
        if self._lasting(settled, stopping) and self._lasting(lambda _: trays.fit(), stopping) and seen:
            self._most = self._fitting(len(seen), time.monotonic() - began)

    def _lasting(self, work: Callable[[bool], None], stopping: threading.Event) -> bool:
        """Does what writes, as often as it takes; whether it was done before it had to stop. work: is told whether it
        failed before."""
        failed, waits = False, pauses()
        while True:
            try:
                work(failed)
            except _StoppedError:
                return False
            except (DiskError, SinkError) as error:
                failed, pause = True, next(waits)
                event = "cannot read" if isinstance(error, DiskError) else "cannot write"
                say(event, logging.ERROR, reason=str(error), pause=pause)
                self._turned()
                if is_full(error):
                    self._parts.quota.make_room(datetime.now(UTC), ROOM)
                if stopping.wait(pause):
                    return False
            else:
                return True

    def _fitting(self, frames: int, seconds: float) -> int:
        """How many frames to take at once, when so many took so long: a slow machine must stop in time, too."""
        return max(1, int(LONGEST * frames / max(seconds, 1e-6)))

    def _forget(self) -> None:
        """Segments whose files are gone; where that cannot be written, they stay known, which harms nobody."""
        if gone := self._parts.gone():
            with suppress(SinkError):
                self._parts.store.commit(Committed(gone=gone))

    def _embedded(self, seen: Sequence[Seen]) -> list[Vector]:
        """A vector for each of them: (D,) float32, empty where nothing reads vectors or there is no frame."""
        crops = [one.crop for one in seen if one.crop is not None]
        if not (crops and self._parts.embeds):
            return [np.empty(0, np.float32)] * len(seen)
        rows = iter(self._parts.embedder.embed(np.stack(crops)))
        return [np.empty(0, np.float32) if one.crop is None else next(rows) for one in seen]

    def _decide(self, rows: Sequence[Row], over: Sequence[int], stopping: threading.Event) -> None:
        """All of it is committed, or DiskError, SinkError or _StoppedError is raised."""
        began = time.monotonic()
        done = Decided(self._parts, self.lanes, Breath(partial(self._lives, stopping)))
        for place, own in groupby(sorted(rows, key=_source), key=_source):
            done.lane(place, list(own))
        for place in over:
            done.end(place, self._parts.windows.now())
        if done.verdicts:
            self._parts.store.commit(Committed(notes={WRITING: done.files()}, forget=[DUE], lasts=True))
            done.write(Breath(self._turned), _Hurry(stopping))
            self._parts.pictures.flush()
        self._parts.store.commit(done.committed())
        self._committed(done, [seen for seen, _ in rows], time.monotonic() - began)

    def _committed(self, done: Decided, seen: Sequence[Seen], seconds: float) -> None:
        """It is told, once it lasts."""
        self._parts.committed(done.picks, seconds)
        for place, frames in done.incomplete.items():
            self._parts.incomplete(place, frames)
        self._readings.committed(seen, [shot for shot, _, _ in done.picks])
        self._parts.windows.show(self.lanes)
        for source, window, picks in done.windows():
            say("chosen", source=source, window=text_of(window.begin), picks=picks)

    def _turned(self) -> None:
        for told in self._parts.turned:
            told()

    def _lives(self, stopping: threading.Event) -> None:
        """A sign of life in work that may take minutes; a stop does not wait for it."""
        if stopping.is_set():
            raise _StoppedError
        self._turned()

    def _restored(self) -> list[Lane]:
        store = self._parts.store
        return [make(place, store.entries(name)) for place, (name, make) in enumerate(self._parts.lanes)]


class _Hurry:
    """Whether a stop was asked for so long ago that no more files are written."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping, self._since = stopping, math.inf

    def __call__(self) -> bool:
        if self._stopping.is_set():
            self._since = min(self._since, time.monotonic())
        return time.monotonic() - self._since >= GRACE


class _StoppedError(Exception):
    """What was being done stays as far as it is committed."""


def _source(row: Row) -> int:
    return row[0].place
