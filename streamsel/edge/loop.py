"""The edge loop, on one page: take frames of all sources, embed them at once, decide source by source, commit.

A commit that fails, as on a full disk, is tried again with lanes as they were committed, until it succeeds: meanwhile
live sources lose frames, which are counted, and nothing that was decided is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

import numpy as np

from streamsel.daemon.log_lines import say
from streamsel.daemon.pauses import pauses
from streamsel.data import Frame, Vector
from streamsel.edge import Seen, Segment
from streamsel.edge.keeping.pictures import Written
from streamsel.edge.keeping.shots import Shot, Shots
from streamsel.edge.parts import Parts
from streamsel.edge.reloading import refused
from streamsel.edge.showing.board import MOST_SHOWN
from streamsel.edge.showing.journal import Readings
from streamsel.edge.windows import parting
from streamsel.errors import SinkError, StreamselError
from streamsel.lanes.breath import Breath
from streamsel.lanes.deciding import Entered, Place, Settled, Span, Verdict
from streamsel.lanes.lane import Lane, Taken
from streamsel.lanes.pick_facts import text_of
from streamsel.lanes.wall_time import on_the_wall
from streamsel.sink.durable import is_full
from streamsel.store import Outgoing
from streamsel.store.entries import Committed

__all__ = ["WRITING", "Loop"]

WRITING = "files being written"
"""The note of which pictures are being written: until it is taken back, by the commit that knows of them."""

TURN = 0.5
"""Seconds that are waited for something to do."""

LONGEST = 1.0
"""Seconds that one batch is to take, about."""

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
        self._part(stopping)
        while not stopping.is_set():
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

    def _reload(self) -> None:
        """Take in other thresholds, with the state that there is; where that cannot be, all stays as it was."""
        before = self._parts.lanes
        try:
            lanes = self._parts.reloaded()
            if lanes is None:
                return
            self._parts.lanes = lanes
            self.lanes = self._restored()
        except StreamselError as error:
            self._parts.lanes = before
            refused(str(error))
        else:
            say("reloaded")

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
        failed = False
        for pause in pauses():
            try:
                if failed:
                    self.lanes = self._restored()
                self._decide(seen, vectors, over, stopping)
                self._most = self._fitting(len(seen), time.monotonic() - began) if seen else self._most
                return
            except _StoppedError:
                return
            except SinkError as error:
                failed = True
                say("cannot write", logging.ERROR, reason=str(error), pause=pause)
                self._turned()
                if is_full(error):
                    self._parts.quota.make_room(datetime.now(UTC), ROOM)
            if stopping.wait(pause):
                return

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

    def _decide(
        self, seen: Sequence[Seen], vectors: Sequence[Vector], over: Sequence[int], stopping: threading.Event
    ) -> None:
        """All of it is committed, or SinkError or _StoppedError is raised."""
        began = time.monotonic()
        done = _Done(self._parts, self.lanes, Breath(partial(self._lives, stopping)))
        for place, own in groupby(sorted(zip(seen, vectors, strict=True), key=_source), key=_source):
            done.lane(place, list(own))
        for place in over:
            done.end(place, self._parts.windows.now())
        if done.verdicts:
            self._parts.store.commit(Committed(notes={WRITING: done.files()}, lasts=True))
            done.write(Breath(self._turned))
            self._parts.pictures.flush()
        self._parts.store.commit(done.committed())
        self._parts.committed(done.picks, time.monotonic() - began)
        self._readings.committed(seen, [shot for shot, _, _ in done.picks])
        self._parts.windows.show(self.lanes)
        for source, window, picks in done.windows():
            say("chosen", source=source, window=text_of(window.begin), picks=picks)

    def _turned(self) -> None:
        for told in self._parts.turned:
            told()

    def _lives(self, stopping: threading.Event) -> None:
        """A sign of life while is chosen, which may take minutes; a stop does not wait for it."""
        if stopping.is_set():
            raise _StoppedError
        self._turned()

    def _restored(self) -> list[Lane]:
        store = self._parts.store
        return [make(place, store.entries(name)) for place, (name, make) in enumerate(self._parts.lanes)]


class _StoppedError(Exception):
    """Something was being chosen, of which nothing is committed."""


class _Done:
    """What came of frames, until it is committed. breathe: see `Decider`. verdicts: of picks. picks: shot, verdict, and
    what was written; only the latest have their pictures, which the page shows."""

    def __init__(self, parts: Parts, lanes: Sequence[Lane], breathe: Callable[[], None]) -> None:
        self._parts, self._lanes, self._breathe = parts, lanes, breathe
        self.verdicts: list[tuple[str, Shots, Place, Verdict]] = []
        self.picks: list[tuple[Shot, Verdict, Written]] = []
        self._entries: dict[str, dict[bytes, bytes | None]] = {}
        self._segments: dict[str, list[Segment]] = {}
        self._outgoing: dict[str, list[Outgoing]] = {name: [] for name in parts.events}

    def lane(self, place: int, own: Sequence[tuple[Seen, Vector]]) -> None:
        """Decides what is one source's, in order."""
        lane, (name, _) = self._lanes[place], self._parts.lanes[place]
        awaited = [(one, vector) for one, vector in own if lane.awaits(one.offset, one.part)]
        entered: list[Entered] = []
        for whole, run in groupby(awaited, key=lambda pair: pair[0].frame is not None):
            if whole:
                entered += self._entered(lane, list(run))
            else:
                _skip(lane, list(run))
        settled = lane.decide(entered, self._breathe)
        self._settled(place, settled, [one for one, _ in awaited])
        if (glance := self._parts.glances[place]) is not None:
            glimpses = {(one.offset, one.part): one.glimpse for one, _ in awaited if one.glimpse}
            decided = zip(entered, settled.verdicts, strict=True)
            glance.settle({row.place: verdict.decision for row, verdict in decided}, glimpses)
        segments = {one.segment.number: one.segment for one, _ in awaited if one.segment}
        self._segments[name] = list(segments.values())

    def end(self, place: int, now: float) -> None:
        """Chooses what a source's window that is over holds."""
        self._settled(place, self._lanes[place].end(now, self._breathe), [])

    def _entered(self, lane: Lane, run: Sequence[tuple[Seen, Vector]]) -> list[Entered]:
        rows = [_taken(one.frame, one, vector) for one, vector in run if one.frame]
        entered = lane.enter(rows)
        for (one, _), row in zip(run, entered, strict=True):
            if isinstance(row, Verdict) and row.unusable and not row.again:
                self._parts.unusable(one.place, row.unusable)
        return [row for row in entered if isinstance(row, Entered)]

    def _settled(self, place: int, settled: Settled, seen: Sequence[Seen]) -> None:
        name, _ = self._parts.lanes[place]
        shots = Shots(name, place, self._parts.store, self._parts.pictures, seen)
        self.verdicts += [(name, shots, at, verdict) for at, verdict in settled.picks]
        for stream, changed in (
            (name, self._lanes[place].entries()),
            *shots.changes(settled.kept, settled.released).items(),
        ):
            self._entries.setdefault(stream, {}).update(changed)
        for reason in settled.troubles:
            say("window chosen by distance alone", logging.WARNING, source=name, reason=reason)

    def files(self) -> dict[str, list[str]]:
        """Source -> where its picks are about to be written, or would be if others had their names."""
        files: dict[str, list[str]] = {}
        for name, shots, place, _ in self.verdicts:
            files.setdefault(name, []).extend(self._parts.pictures.files(name, shots.at(place)))
        return files

    def windows(self) -> list[tuple[str, Span, int]]:
        """Those at whose end was chosen: source, window, and how many picks."""
        counts = Counter((name, verdict.window) for name, _, _, verdict in self.verdicts)
        return [(name, window, count) for (name, window), count in counts.items() if window]

    def write(self, breath: Breath) -> None:
        """Pictures, and the events that tell of them; of a window there may be many. Raises SinkError."""
        unseen = len(self.verdicts) - MOST_SHOWN
        for number, (name, shots, place, verdict) in enumerate(self.verdicts):
            shot = shots[place]
            written = self._parts.pictures.write(name, shot, verdict)
            for outbox, make in self._parts.events.items():
                self._outgoing[outbox].append(make(name, shot, verdict, written))
            if number < unseen:  # a window may have a thousand picks
                shot, written = replace(shot, data=b""), replace(written, data=b"")
            self.picks.append((shot, verdict, written))
            breath()

    def committed(self) -> Committed:
        """As the store takes it."""
        notes = {WRITING: {}, **self._parts.noted()} if self.verdicts else {}
        return Committed(
            entries=self._entries,
            segments=self._segments,
            outgoing=self._outgoing,
            notes=notes,
            lasts=bool(self.verdicts),
        )


def _skip(lane: Lane, run: Sequence[tuple[Seen, Vector]]) -> None:
    for one, _ in run:
        lane.skip(one.offset)


def _taken(frame: Frame, seen: Seen, vector: Vector) -> Taken:
    when, held = seen.taken.timestamp(), seen.glimpse.held if seen.glimpse else 0
    return Taken(on_the_wall(frame, when), vector, seen.offset, seen.part, seen.last, when, held)


def _source(pair: tuple[Seen, Vector]) -> int:
    return pair[0].place
