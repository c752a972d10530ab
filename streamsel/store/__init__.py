"""store: what must survive a crash.

A Store takes everything that one block of frames changed and makes it durable in one step, all of it or none:
the position to read next, the picks, the arrays that selection and scout are made of, the pictures kept for later,
the records to send. `restore` gives back what the last commit left. Position means "go on after this mark". `embedded`
is one SQLite file, `rows` what its rows are made of, `outbox` its records that wait until they are sent; `entries` is
the store of a daemon, and `sqlite_file` what the two have in common.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy.typing as npt

from streamsel.data import Box, Mark, Value, Vector

__all__ = [
    "Changes",
    "Judged",
    "Kept",
    "Outgoing",
    "PickRow",
    "Snapshot",
    "Span",
    "Store",
    "dump_box",
    "dump_marks",
    "load_box",
    "load_marks",
]

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A row kept for later: its judge-size pictures as raw bytes or its vector; from a live source, encoded files."""

    row: int
    marks: tuple[Mark, ...]
    crops: bytes | memoryview = field(default=b"", repr=False)
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    vector: Vector | None = field(default=None, repr=False)
    signals: Mapping[str, Value] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Span:
    """`frames` frames from index first to last that were not judged at once, and the row that stands for them.

    own: the span is that row itself, which the scout kept for the end. reason: why they were not judged; row is -1
    where nothing stands for them, because a filter turned them away.
    """

    source: str
    first: int
    last: int
    pts: int
    time: float
    row: int
    frames: int
    own: bool = False
    reason: str = "held"


@dataclass(frozen=True, slots=True)
class Judged:
    """What was decided on one embedded row. nearest: ordinal of the nearest earlier pick, -1 if none."""

    row: int
    source: str
    first: int
    last: int
    pts: int
    time: float
    keep: bool
    reason: str
    distance: float
    nearest: int


@dataclass(frozen=True, slots=True)
class PickRow:
    """A pick as it is stored; `files` is None until its pictures are durable.

    box: the object that it is, where objects are picked; several may be of one row.
    """

    ordinal: int
    row: int
    marks: tuple[Mark, ...]
    reason: str
    distance: float
    nearest: int
    gains: Mapping[str, float]
    vector: Vector = field(repr=False)
    files: tuple[str, ...] | None = None
    signals: Mapping[str, Value] = field(default_factory=dict, repr=False)
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send: key, headers in order, value (None: none), and what is known of it beside.

    id: by which whoever reads it knows it again. distance: of its pick, to the nearest earlier one. about: the file it
    tells of. number: its place in the outbox, 0 before it is there.
    """

    id: str
    key: bytes
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    value: bytes | None = field(repr=False)
    distance: float
    about: str = ""
    number: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of key, headers and value."""
        return len(self.key) + len(self.value or b"") + sum(len(name) + len(value) for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that one commit makes durable. Empty fields change nothing.

    outbox: records to send. acknowledged: records up to this number have arrived.
    """

    stream: str = ""
    position: Mark | None = None
    done: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    kept: Sequence[Kept] = ()
    released: Sequence[int] = ()
    vectors: Mapping[int, Vector] = field(default_factory=dict)
    heirs: Mapping[int, int] = field(default_factory=dict)
    spans: Sequence[Span] = ()
    judged: Sequence[Judged] = ()
    picks: Sequence[PickRow] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    outbox: Sequence[Outgoing] = ()
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a stream stands: read on after `position` (None: from its start) unless it is `done`."""

    position: Mark | None = None
    done: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


class Store(Protocol):
    """All or nothing; see the module's text."""

    def commit(self, changes: Changes) -> None:
        """Make all of it durable, or raise and change nothing."""
        ...

    def restore(self, stream: str) -> Snapshot:
        """Where the stream stands."""
        ...

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays as last committed."""
        ...


def dump_marks(marks: Sequence[Mark]) -> str:
    """Marks as JSON; `load_marks` gives them back."""
    return json.dumps([[m.source, m.index, m.pts, str(m.time_base), m.check, m.name] for m in marks])


def load_marks(text: str) -> tuple[Mark, ...]:
    """The marks that `dump_marks` wrote."""
    return tuple(Mark(s, i, p, Fraction(b), c, n) for s, i, p, b, c, n in json.loads(text))


def dump_box(box: Box | None) -> str | None:
    """A box as JSON, where there is one; `load_box` gives it back."""
    return None if box is None else json.dumps([getattr(box, name) for name in Box.__slots__])


def load_box(text: str | None) -> Box | None:
    """The box that `dump_box` wrote."""
    return None if text is None else Box(*json.loads(text))
