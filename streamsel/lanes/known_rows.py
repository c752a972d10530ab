"""Rows as state remembers them: what selection reads of a frame, and its vector, as one document each.

A document is a line of JSON and the raw little-endian float32 numbers of the vector; where embeddings of objects are
read, others beside it hold theirs. Values are what JSON gives back from the first moment on, so that a lane that was
restored knows no others than one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Any, Final, Self

import numpy as np

from streamsel.data import Box, Mark, Value, Vector
from streamsel.lanes.deciding import Documents, Entered, Gathered, Key, Place, key_of
from streamsel.sink.json_file import plain
from streamsel.store import dump_box, dump_marks, load_box, load_marks

__all__ = ["KnownRow", "document_keys", "document_of", "documents_of", "read_document", "read_objects"]

NONE: Final = np.empty((0, 0), np.float32)
ROOM: Final = 1 << 16
"""Bytes of objects in a document, but for one object that has more: a changelog takes records of 100 kB at least."""


@dataclass(frozen=True, slots=True)
class KnownRow:
    """See `streamsel.rules.frame_rules.Known`. place: of its last frame. marks: those by which it is known. when: UTC
    seconds since 1970. objects: task -> vectors, where the selection reads these."""

    place: Place
    marks: tuple[Mark, ...]
    signals: Mapping[str, Value]
    when: float
    box: Box | None = None
    sequence: Gathered | None = None
    objects: Mapping[str, Vector] = field(default_factory=dict, repr=False)

    @property
    def pictures(self) -> tuple[Key, ...]:
        """Of all its frames, or of the object that it is."""
        return self.sequence.places if self.sequence else (self.key,)

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return key_of(self.place, self.box)

    @classmethod
    def of(cls, row: Entered) -> Self:
        """What is kept of a row that entered."""
        signals = json.loads(json.dumps(plain(row.signals)))
        objects = {task: vectors.copy() for task, vectors in row.objects.items()}
        return cls(row.place, row.marks, signals, row.when, row.box, row.sequence, objects)

    @property
    def things(self) -> list[Vector]:
        """The vectors of its objects, those of its first task first."""
        return [one for vectors in self.objects.values() for one in vectors]

    @property
    def count(self) -> int:
        """How many objects these are."""
        return sum(map(len, self.objects.values()))

    def text(self) -> bytes:
        """It as one line of JSON; `read` gives it back, with the vectors of its objects."""
        told: dict[str, Any] = {"place": self.place, "marks": dump_marks(self.marks), "signals": self.signals}
        told["when"] = self.when
        if self.sequence:
            told["sequence"] = [self.sequence.number, self.sequence.places]
        if self.box:
            told["box"] = dump_box(self.box)
        if self.objects:
            told["objects"] = {task: len(vectors) for task, vectors in self.objects.items()}
        return json.dumps(told, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def read(cls, text: bytes, objects: Vector = NONE) -> Self:
        """What `text` wrote. objects: (m, D), as `things`. Raises ValueError or KeyError where it is damaged."""
        told = json.loads(text)
        offset, part = told["place"]
        marks, when = load_marks(told["marks"]), told["when"]
        box, sequence = load_box(told.get("box")), _gathered(told.get("sequence"), when)
        found = _by_task(told.get("objects", {}), objects)
        return cls((offset, part), marks, told["signals"], when, box, sequence, found)


def _gathered(told: Any, when: float) -> Gathered | None:
    if told is None:
        return None
    number, places = told
    return Gathered(number, tuple((offset, part) for offset, part in places), when)


def _by_task(counts: Mapping[str, int], objects: Vector) -> dict[str, Vector]:
    """Those of each task, one task after the other."""
    ends = np.cumsum([0, *counts.values()]).tolist()
    if ends[-1] != len(objects):
        raise ValueError(f"{len(objects)} of {ends[-1]} objects of a row are there")
    return {task: objects[start:end] for task, start, end in zip(counts, ends, ends[1:], strict=False)}


def document_of(text: bytes, vector: Vector) -> bytes:
    """text: a line that ends as one."""
    return text + vector.astype("<f4", copy=False).tobytes()


def read_document(document: bytes, dim: int) -> tuple[bytes, Vector]:
    """The line, and the (dim,) float32 vector. Raises ValueError where it is damaged."""
    text, end, data = document.partition(b"\n")
    vector = np.frombuffer(data, "<f4").astype(np.float32)
    if not end or vector.shape != (dim,):
        raise ValueError(f"a row of {dim} numbers has {len(data)} bytes")
    return text + end, vector


def document_keys(key: bytes, objects: int, dim: int) -> list[bytes]:
    """Of all documents of a row: its own, and those of so many objects."""
    return [key, *(_beside(key, part) for part in range(-(-objects // _room(dim))))]


def documents_of(key: bytes, text: bytes, vector: Vector, objects: Sequence[Vector]) -> dict[bytes, bytes]:
    """All documents of a row. objects: those of its first task first."""
    room = _room(len(vector))
    parts = [objects[start : start + room] for start in range(0, len(objects), room)]
    told = {_beside(key, number): document_of(b"", np.concatenate(part)) for number, part in enumerate(parts)}
    return {key: document_of(text, vector), **told}


def read_objects(key: bytes, documents: Documents, dim: int) -> Vector:
    """The (m, dim) float32 vectors of a row's objects. Raises ValueError where they are damaged."""
    parts = takewhile(bool, (documents.get(_beside(key, part)) for part in count()))
    return np.frombuffer(b"".join(filter(None, parts)), "<f4").astype(np.float32).reshape(-1, dim)


def _room(dim: int) -> int:
    """Objects in a document."""
    return max(1, ROOM // (4 * dim))


def _beside(key: bytes, part: int) -> bytes:
    return b"%s/objects/%d" % (key, part)
