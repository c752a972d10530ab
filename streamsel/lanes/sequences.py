"""Sequences that are not complete: frames are gathered by stream until there are enough, and little is kept of each.

Streams lie interleaved in a lane, each in its own order. Of a frame there is a small document of the lane's state until
its sequence is complete, without vector and picture; of a stream one with the sum of the vectors so far, added in their
order, so that the mean is the same to the bit for any cut into batches. Streams that are known are bounded: the one
that has been silent for longest is forgotten, by the order of the frames alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import numpy as np

from streamsel.data import Mark, Value, Vector
from streamsel.embed.pooling import added, pooled
from streamsel.lanes.deciding import Documents, Gathered, Place, Settled
from streamsel.lanes.known_rows import document_of, read_document
from streamsel.sink.json_file import plain
from streamsel.store import dump_marks, load_marks

__all__ = ["FRAMES", "MOST", "STREAMS", "Complete", "Read", "Sequences"]

FRAMES: Final = b"#gathered/"
"""How the keys of documents of frames begin; their place follows."""

STREAMS: Final = b"#stream/"
"""How the keys of documents of streams begin; the place of the first frame that is known of it follows."""

MOST: Final = 256
"""Streams that a lane knows: a topic whose every record has another source fills neither memory nor state."""

Stream = tuple[str, int | None]
"""A source; and the offset of the record whose frames are a stream of their own."""


@dataclass(frozen=True, slots=True)
class Read:
    """A frame that was read, and what is known of it. when: see `streamsel.lanes.lane.Taken`; digests: see
    `streamsel.rules.inspection.Inspection`. Values are what JSON gives back, from the first moment on.
    """

    place: Place
    mark: Mark
    signals: Mapping[str, Value]
    when: float
    digests: tuple[int, ...] = ()

    @classmethod
    def of(cls, place: Place, mark: Mark, signals: Mapping[str, Value], when: float, digests: Collection[int]) -> Self:
        """With plain values."""
        return cls(place, mark, json.loads(json.dumps(plain(signals))), when, tuple(digests))

    def document(self) -> bytes:
        """All of it but its place, which is its key."""
        told = {"mark": dump_marks([self.mark]), "signals": self.signals, "when": self.when, "digests": self.digests}
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def read(cls, place: Place, document: bytes) -> Self:
        """What `document` wrote. Raises ValueError or KeyError where it is damaged."""
        told = json.loads(document)
        (mark,) = load_marks(told["mark"])
        return cls(place, mark, told["signals"], told["when"], tuple(told["digests"]))


@dataclass(frozen=True, slots=True)
class Complete:
    """Enough frames, and the vector that stands for them."""

    frames: tuple[Read, ...]
    vector: Vector = field(repr=False)
    sequence: Gathered


@dataclass(slots=True)
class _Gathering:
    """A stream: the place by which its document goes, how many of its sequences are complete, the place of its latest
    frame, and of the next sequence its frames and the sum of their vectors."""

    begun: Place
    number: int = 0
    latest: Place = (-1, 0)
    frames: list[Read] = field(default_factory=list)
    total: Vector | None = None

    def add(self, frame: Read, vector: Vector) -> None:
        self.total = added(self.total, vector)
        self.frames.append(frame)

    def document(self, stream: Stream) -> bytes:
        told = {"stream": stream, "number": self.number, "latest": self.latest, "frames": len(self.frames)}
        total = np.empty(0, np.float32) if self.total is None else self.total
        return document_of(json.dumps({**told, "sum": len(total)}, separators=(",", ":")).encode() + b"\n", total)


class Sequences:
    """length: frames of a sequence, 2 or more. gap: seconds between two frames of a stream, by their own times, after
    which a sequence begins anew. most: streams that are known.
    """

    def __init__(self, length: int, gap: float = math.inf, most: int = MOST) -> None:
        self._length, self._gap, self._most = length, gap, most
        self._streams: dict[Stream, _Gathering] = {}
        """The one that has been silent for longest first."""
        self.incomplete = 0
        """Frames, since this was made, whose sequence stays incomplete."""
        self._came: set[Place] = set()
        self._went: set[Place] = set()
        """Frames that wait, or wait no more, and were not, or were, told to be kept."""
        self._untold: dict[Place, Read] = {}
        self._touched: dict[Place, Stream] = {}
        self._told: set[Place] = set()
        """Streams of which there is a document."""
        self._gone: list[bytes] = []

    def take(self, frame: Read, vector: Vector, record: int | None = None) -> Complete | None:
        """The sequence that a frame completes, if it does. record: its offset, where its frames are a stream alone."""
        stream = frame.mark.source, record
        held = self._at(stream, frame.place)
        if held.frames and frame.mark.time - held.frames[-1].mark.time > self._gap:
            self._give_up(held)
        held.add(frame, vector)
        self._untold[frame.place] = frame
        self._came.add(frame.place)
        return self._completed(held, vector) if len(held.frames) == self._length else None

    def _completed(self, held: _Gathering, last: Vector) -> Complete:
        assert held.total is not None
        frames = tuple(held.frames)
        gathered = Gathered(held.number, tuple(frame.place for frame in frames), frames[-1].when)
        made = Complete(frames, pooled(held.total, len(frames), last), gathered)
        held.number += 1
        self._clear(held)
        return made

    def broke(self, source: str) -> None:
        """A source's stream broke off, and begins anew: with another sequence of the same numbers."""
        held = self._streams.get((source, None))
        if held and held.frames:
            self._give_up(held)
            self._touched[held.begun] = source, None

    def end(self, record: int) -> None:
        """Nothing more comes of a record; where its frames are no stream alone, that changes nothing."""
        for stream in [one for one in self._streams if one[1] == record]:
            self._forget(stream)

    def _at(self, stream: Stream, place: Place) -> _Gathering:
        """The stream, which is not silent now."""
        held = self._streams.pop(stream, None) or _Gathering(place)
        if len(self._streams) >= self._most:
            self._forget(next(iter(self._streams)))
        held.latest = place
        self._streams[stream] = held
        self._touched[held.begun] = stream
        return held

    def _forget(self, stream: Stream) -> None:
        held = self._streams.pop(stream)
        self._give_up(held)
        self._touched.pop(held.begun, None)
        if held.begun in self._told:
            self._told.remove(held.begun)
            self._gone.append(_key(STREAMS, held.begun))

    def _give_up(self, held: _Gathering) -> None:
        """Its sequence stays incomplete."""
        self.incomplete += len(held.frames)
        self._clear(held)

    def _clear(self, held: _Gathering) -> None:
        """Its frames wait no more."""
        for frame in held.frames:
            if self._untold.pop(frame.place, None) is None:
                self._gone.append(_key(FRAMES, frame.place))
        places = {frame.place for frame in held.frames}
        self._went |= places - self._came
        self._came -= places
        held.frames, held.total = [], None

    def keeping(self, settled: Settled) -> Settled:
        """What the decider settled, and which frames wait for others: whoever has pictures must keep theirs, too."""
        kept = [*sorted(self._came), *(place for place in settled.kept if place not in self._went)]
        released = [*settled.released, *sorted(self._went - {*settled.kept})]
        self._came, self._went = set(), set()
        return replace(settled, kept=kept, released=released)

    def told(self) -> dict[bytes, bytes | None]:
        """Documents that changed since the last call, or since it was restored; None: gone."""
        entries: dict[bytes, bytes | None] = dict.fromkeys(self._gone)
        entries |= {_key(FRAMES, place): frame.document() for place, frame in self._untold.items()}
        for place, stream in self._touched.items():
            entries[_key(STREAMS, place)] = self._streams[stream].document(stream)
        self._told |= self._touched.keys()
        self._gone, self._untold, self._touched = [], {}, {}
        return entries

    def restore(self, documents: Documents) -> None:
        """Become what these came from. Raises KeyError, ValueError or TypeError where they are damaged."""
        found = [_read_stream(key, one) for key, one in documents.items() if key.startswith(STREAMS)]
        self._streams = {stream: held for stream, held, _ in sorted(found, key=lambda one: one[1].latest)}
        expected = {held.begun: frames for _, held, frames in found}
        self._told = {*expected}
        places = sorted(_place(FRAMES, key) for key in documents if key.startswith(FRAMES))
        for place in places:
            frame = Read.read(place, documents[_key(FRAMES, place)])
            alone = (frame.mark.source, place[0])
            self._streams[alone if alone in self._streams else (frame.mark.source, None)].frames.append(frame)
        if any(len(held.frames) != expected[held.begun] for held in self._streams.values()):
            raise ValueError("frames of a sequence are missing")


def _read_stream(key: bytes, document: bytes) -> tuple[Stream, _Gathering, int]:
    """A stream, and how many of its frames there must be."""
    told: dict[str, Any] = json.loads(document.partition(b"\n")[0])
    _, total = read_document(document, told["sum"])
    (source, record), (offset, part), frames = told["stream"], told["latest"], told["frames"]
    held = _Gathering(_place(STREAMS, key), told["number"], (offset, part), total=total if frames else None)
    return (source, record), held, frames


def _key(kind: bytes, place: Place) -> bytes:
    return kind + b"%d/%d" % place


def _place(kind: bytes, key: bytes) -> Place:
    offset, part = key.removeprefix(kind).split(b"/")
    return int(offset), int(part)
