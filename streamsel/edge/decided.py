"""What came of frames of all sources, until it is committed: in one transaction, or not at all."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from streamsel.daemon.log_lines import say
from streamsel.data import Box, Vector
from streamsel.edge import Seen, Segment
from streamsel.edge.keeping.due import DUE, WRITING, due_of
from streamsel.edge.keeping.pictures import Written
from streamsel.edge.keeping.shots import NO_BOXES, Shot, Shots
from streamsel.edge.parts import Parts
from streamsel.edge.showing.board import MOST_SHOWN
from streamsel.edge.trays import Row
from streamsel.lanes.breath import Breath
from streamsel.lanes.deciding import BrokenOff, Entered, Key, Settled, Span, Taken, Verdict, pictures
from streamsel.lanes.lane import Lane
from streamsel.lanes.wall_time import on_the_wall
from streamsel.store import Outgoing
from streamsel.store.entries import Committed, Entry

__all__ = ["Decided"]


class Decided:
    """What came of frames, until it is committed. breathe: see `Decider`. verdicts: of the pictures of picks. picks:
    shot, verdict, and what was written of each; only those that the page shows have their pictures. incomplete: by the
    source's place, frames whose sequence stays incomplete."""

    def __init__(self, parts: Parts, lanes: Sequence[Lane], breathe: Callable[[], None]) -> None:
        self._parts, self._lanes, self._breathe = parts, lanes, breathe
        self.verdicts: list[tuple[str, Shots, Key, Verdict]] = []
        self.picks: list[tuple[Shot, Verdict, Written]] = []
        self.incomplete: Counter[int] = Counter()
        self._entries: dict[str, dict[bytes, Entry | None]] = {}
        self._segments: dict[str, list[Segment]] = {}
        self._outgoing: dict[str, list[Callable[[], Outgoing]]] = {name: [] for name in parts.events}
        self._aside: dict[str, str] = {}
        """Files that are due -> ids of their picks."""

    def lane(self, place: int, own: Sequence[Row]) -> None:
        """Decides what is one source's, in order."""
        lane, (name, _) = self._lanes[place], self._parts.lanes[place]
        incomplete = lane.incomplete
        awaited = [(one, vector) for one, vector in own if lane.awaits(one.offset, one.part)]
        entered = self._entered(place, awaited)
        if broken := lane.incomplete - incomplete:
            self.incomplete[place] += broken
        settled = lane.decide(entered, self._breathe)
        boxes = {row.key: row.box for row in entered if row.box}
        self._settled(place, settled, [one for one, _ in awaited], boxes)
        if (glance := self._parts.glances[place]) is not None:
            glimpses = {(one.offset, one.part): one.glimpse for one, _ in awaited if one.glimpse}
            decided = zip(entered, settled.verdicts, strict=True)
            glance.settle({row.place: verdict.decision for row, verdict in decided}, glimpses)
        segments = {one.segment.number: one.segment for one, _ in awaited if one.segment}
        self._segments[name] = list(segments.values())

    def end(self, place: int, now: float) -> None:
        """Chooses what a source's window that is over holds."""
        self._settled(place, self._lanes[place].end(now, self._breathe), [])

    def _entered(self, place: int, rows: Sequence[Row]) -> list[Entered]:
        entered = self._lanes[place].enter([_taken(*row) for row in rows], self._breathe)
        for row in entered:
            if isinstance(row, Verdict) and row.unusable:
                self._parts.unusable(place, row.unusable)
        return [row for row in entered if isinstance(row, Entered)]

    def _settled(self, place: int, settled: Settled, seen: Sequence[Seen], boxes: Mapping[Key, Box] = NO_BOXES) -> None:
        name, _ = self._parts.lanes[place]
        shots = Shots(name, place, self._parts.store, self._parts.pictures, seen, boxes)
        told = chain.from_iterable(pictures(last, verdict) for last, verdict in settled.picks)
        self.verdicts += [(name, shots, at, verdict) for at, verdict in told]
        self._entries.setdefault(name, {}).update(self._lanes[place].entries())
        for stream, changed in shots.changes(settled.kept, settled.released).items():
            self._entries.setdefault(stream, {}).update(changed)
        for reason in settled.troubles:
            say("window chosen by distance alone", logging.WARNING, source=name, reason=reason)

    def files(self) -> dict[str, list[str]]:
        """Source -> where its picks are about to be written, or would be if others had their names."""
        files: dict[str, list[str]] = {}
        for name, shots, key, verdict in self.verdicts:
            files.setdefault(name, []).extend(self._parts.pictures.files(name, shots.at(key), verdict.box))
        return files

    def windows(self) -> list[tuple[str, Span, int]]:
        """Those at whose end was chosen: source, window, and how many pictures."""
        counts = Counter((name, verdict.window) for name, _, _, verdict in self.verdicts)
        return [(name, window, count) for (name, window), count in counts.items() if window]

    def write(self, breath: Breath, hurried: Callable[[], bool]) -> None:
        """Pictures, and the events that tell of them; of a window there may be many. Raises SinkError.

        hurried: whether there is no time left to write files: then pictures are put into the state, see `due`.
        """
        shown = {*[number for number, told in enumerate(self.verdicts) if _first(told[-1])][-MOST_SHOWN:]}
        for number, (name, shots, key, verdict) in enumerate(self.verdicts):
            shot = shots[key]
            written = self._put_aside(name, shot, verdict) if hurried() else self._written(name, shot, verdict)
            if number not in shown:  # a window may have a thousand picks
                shot = replace(shot, data=b"")
                written = replace(written, data=b"", again=partial(_read, self._parts, self._aside, written.file))
            for outbox, make in self._parts.events.items():
                self._outgoing[outbox].append(partial(make, name, shot, verdict, written))
            self.picks.append((shot, verdict, written))
            breath()

    def _written(self, name: str, shot: Shot, verdict: Verdict) -> Written:
        return self._parts.pictures.write(name, shot, verdict)

    def _put_aside(self, name: str, shot: Shot, verdict: Verdict) -> Written:
        written = self._parts.pictures.planned(name, shot, verdict, self._aside)
        self._parts.store.commit(Committed(entries={DUE: {written.file.encode(): written.due.dumped()}}))
        self._aside[written.file] = written.id
        return written

    def committed(self) -> Committed:
        """As the store takes it."""
        notes = {WRITING: {}, **self._parts.noted()} if self.verdicts else {}
        return Committed(
            entries=self._entries,
            segments=self._segments,
            outgoing={outbox: _Made(makes) for outbox, makes in self._outgoing.items()},
            notes=notes,
            lasts=bool(self.verdicts),
        )


@dataclass(frozen=True, slots=True)
class _Made:
    """What each of them makes, one after the other, as often as it is asked for."""

    makes: Sequence[Callable[[], Outgoing]]

    def __iter__(self) -> Iterator[Outgoing]:
        return (make() for make in self.makes)


def _read(parts: Parts, aside: Container[str], file: str) -> bytes:
    """A picture's bytes again: a sequence may have a thousand. It holds no frames, as `Decided` does."""
    return due_of(parts.store, file.encode()).data if file in aside else parts.pictures.read(file)


def _first(verdict: Verdict) -> bool:
    """Whether it tells of the first picture of a pick."""
    return verdict.sequence is None or verdict.sequence.first == 0


def _taken(seen: Seen, vector: Vector) -> Taken | BrokenOff:
    if seen.frame is None:
        return BrokenOff(seen.offset)
    when, held = seen.taken.timestamp(), seen.glimpse.held if seen.glimpse else 0
    alone = seen.segment is not None
    shown = on_the_wall(seen.frame, when)
    return Taken(shown, vector, seen.offset, seen.part, seen.last, when, held, alone, seen.anew)
