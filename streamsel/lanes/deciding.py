"""Deciding: what a lane's decider promises. Frames that entered go in, and picks come out: at once, or later.

`at_once` decides each frame as it comes, for good; `by_window` gathers candidates and chooses among them when a window
of time ends. Any cut of the frames into batches gives the same picks and the same state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy.typing as npt

from streamsel.data import Box, Decision, Frame, Mark, Value, Vector
from streamsel.lanes.breath import silent
from streamsel.lanes.state_entries import Rows
from streamsel.selection.columns import Batch

__all__ = [
    "Arrays",
    "BrokenOff",
    "Decider",
    "Documents",
    "Entered",
    "Gathered",
    "Key",
    "Open",
    "Place",
    "Settled",
    "Span",
    "Taken",
    "Verdict",
    "key_of",
    "pictures",
    "under",
]

Arrays = Mapping[str, npt.NDArray[Any]]

Documents = Mapping[bytes, bytes]
"""What is told as it is, beside arrays: their keys begin with `#`, and hold another one."""

Place = tuple[int, int]
"""Offset of a record, and the number of a frame among the record's: what tells it from all others of its lane."""

Key = tuple[int, ...]
"""What tells a picture from all others of its lane: the place of its frame, and of an object also its number there."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame that was embedded. vector: (D,) float32, of unit norm; (0,) where nothing reads vectors.

    offset: of its record. part: its number among the record's frames, 0-based. last: whether it is the last of them.
    when: it was taken, seconds since 1970; read where picks are forgotten, and where windows of time end. held: frames
    before it, since the last one, that were looked at and held for surely not new: a target ratio counts them. alone:
    whether the record's frames are a stream of their own, over whose ends no sequence goes; else a stream is a source.
    anew: whether the source's stream broke off before it: what waits for others of its sequence waits in vain.
    predictions: task -> those that it brought with it, see `streamsel.signals.lightly_folder.LightlyFolder.carrying`.
    """

    frame: Frame
    vector: Vector = field(repr=False)
    offset: int
    part: int = 0
    last: bool = True
    when: float = 0.0
    held: int = 0
    alone: bool = False
    anew: bool = False
    predictions: Mapping[str, list[Any]] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> Place:
        """Of it."""
        return self.offset, self.part


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """Nothing more comes of the record of this offset, also where some of its frames were taken."""

    offset: int


@dataclass(frozen=True, slots=True)
class Span:
    """A window of time: from begin on, and before end; UTC seconds since 1970."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Open:
    """A window, how many candidates it holds, and the time of its latest frame; with none of its own, its begin."""

    span: Span
    candidates: int
    latest: float = field(default=-math.inf, compare=False)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A sequence. number: which of its stream, 0-based. places: of its frames, in order. when: the last was taken.
    first: which of its frames the first of these is; 0 but where a part of it is told of.
    """

    number: int
    places: tuple[Place, ...]
    when: float
    first: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a frame; of a sequence with its last frame, and what was read of all; of an object. True where it
    is a pick.

    ordinal: of the pick among those of its lane, 0-based; else -1. signals: column -> value, of what was read of it.
    unusable: why nothing could be decided, where a value that the selection needs is missing or wrong; else empty.
    again: whether an earlier frame of the same record was unusable, too. window, order: of a pick that was chosen at a
    window's end, and how many were chosen there before it. sequence, box: of a pick that is one, or an object.
    """

    decision: Decision
    ordinal: int = -1
    signals: Mapping[str, Value] = field(default_factory=dict)
    unusable: str = ""
    again: bool = False
    window: Span | None = None
    order: int = 0
    sequence: Gathered | None = None
    box: Box | None = None

    def __bool__(self) -> bool:
        return self.decision.keep


@dataclass(frozen=True, slots=True)
class Entered:
    """A frame, a sequence or an object that entered, as deciders take it. number: its place among all looked at.

    place: of the last frame. marks: those by which it is known. batch: of it alone. vector: (D,) float32, or (0,) where
    nothing reads vectors. when: it was taken, UTC seconds since 1970. worth: what it is worth whatever has been picked,
    see `streamsel.rules.worth`. sequence: None of a single frame. box: None of whole frames. objects: task -> vectors
    of what it found there, where the selection reads these.
    """

    place: Place
    marks: tuple[Mark, ...]
    signals: Mapping[str, Value]
    batch: Batch
    vector: Vector = field(repr=False)
    number: int
    when: float
    worth: float = 0.0
    sequence: Gathered | None = None
    box: Box | None = None
    objects: Mapping[str, Vector] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> Key:
        """Of its last picture."""
        return key_of(self.place, self.box)


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of frames, or of the end of a window.

    verdicts: on the frames at hand, one each, in order. picks: in order; not only of frames at hand; all frames of a
    sequence are told by its verdict, and of a frame each object that is a pick. kept: pictures at hand that may yet be
    picked: whoever has them must keep them. released: those that were kept before, and are not needed any more but for
    these picks. troubles: what could not be chosen as it was asked for, and
    why. ended: windows at whose end was chosen, in order, as they were then.
    """

    verdicts: Sequence[Verdict] = ()
    picks: Sequence[tuple[Place, Verdict]] = ()
    kept: Sequence[Key] = ()
    released: Sequence[Key] = ()
    troubles: Sequence[str] = ()
    ended: Sequence[Open] = ()


class Decider(Protocol):
    """`len` is the number of picks so far, those among them that are forgotten, too."""

    def __len__(self) -> int: ...

    @property
    def open(self) -> Open | None:
        """The window that is open, if there is one."""
        ...

    def check(self, vector: Vector) -> None:
        """Raises UsageError for a vector with which nothing could be decided."""
        ...

    def decide(self, rows: Sequence[Entered], breathe: Callable[[], None] = silent) -> Settled:
        """Take rows in, in order. breathe: called often where it may take long; where it raises, all is thrown away."""
        ...

    def end(self, now: float, breathe: Callable[[], None] = silent) -> Settled:
        """The open window is over, as the clock on the wall says; now: UTC seconds since 1970. Nothing is at hand."""
        ...

    def state(self) -> tuple[Arrays, Mapping[str, Rows]]:
        """All arrays by name, and apart from them those whose rows are added at the end, and go at the beginning."""
        ...

    @property
    def forgotten(self) -> Mapping[str, int]:
        """Of the latter, how many rows are gone; of those left out, none."""
        ...

    def told(self) -> Mapping[bytes, bytes | None]:
        """Documents that changed since the last call, or since it was restored; None: gone."""
        ...

    def restore(self, arrays: Arrays, documents: Documents) -> None:
        """Become what these came from. Raises KeyError, ValueError or StateError where they are damaged."""
        ...


def key_of(place: Place, box: Box | None) -> Key:
    """Of a frame's picture, or of that of an object in it."""
    return (*place, box.index) if box else place


def pictures(last: Place, verdict: Verdict) -> Iterator[tuple[Key, Verdict]]:
    """Of each picture of a pick its key, and what is told of it alone. last: place of the only frame, or the last."""
    if (sequence := verdict.sequence) is None:
        yield key_of(last, verdict.box), verdict
        return
    for number, place in enumerate(sequence.places):
        yield place, replace(verdict, sequence=replace(sequence, places=(place,), first=number))


def under(name: str, arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    """The arrays below a name, without it."""
    return {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
