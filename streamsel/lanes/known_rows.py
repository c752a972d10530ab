"""Rows as state remembers them: what selection reads of a frame, and its vector, as one document each.

A document is a line of JSON and the raw little-endian float32 numbers of the vector. Values are what JSON gives back
from the first moment on, so that a lane that was restored knows no others than one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from streamsel.data import Box, Mark, Value, Vector
from streamsel.lanes.deciding import Entered, Gathered, Place
from streamsel.sink.json_file import plain
from streamsel.store import dump_box, dump_marks, load_box, load_marks

__all__ = ["KnownRow", "document_of", "read_document"]


@dataclass(frozen=True, slots=True)
class KnownRow:
    """See `streamsel.rules.frame_rules.Known`. place: of its last frame. marks: those by which it is known. when: UTC
    seconds since 1970."""

    place: Place
    marks: tuple[Mark, ...]
    signals: Mapping[str, Value]
    when: float
    box: Box | None = None
    sequence: Gathered | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """Of all its frames."""
        return self.sequence.places if self.sequence else (self.place,)

    @property
    def key(self) -> tuple[int, ...]:
        """What tells it from all others: its place, and of an object its number among those of its frame."""
        return (*self.place, self.box.index) if self.box else self.place

    @classmethod
    def of(cls, row: Entered) -> Self:
        """What is kept of a row that entered."""
        signals = json.loads(json.dumps(plain(row.signals)))
        return cls(row.place, row.marks, signals, row.when, row.box, row.sequence)

    def text(self) -> bytes:
        """It as one line of JSON; `read` gives it back."""
        told: dict[str, Any] = {"place": self.place, "marks": dump_marks(self.marks), "signals": self.signals}
        told["when"] = self.when
        if self.sequence:
            told["sequence"] = [self.sequence.number, self.sequence.places]
        if self.box:
            told["box"] = dump_box(self.box)
        return json.dumps(told, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def read(cls, text: bytes) -> Self:
        """What `text` wrote. Raises ValueError or KeyError where it is damaged."""
        told = json.loads(text)
        offset, part = told["place"]
        marks, when = load_marks(told["marks"]), told["when"]
        box, sequence = load_box(told.get("box")), _gathered(told.get("sequence"), when)
        return cls((offset, part), marks, told["signals"], when, box, sequence)


def _gathered(told: Any, when: float) -> Gathered | None:
    if told is None:
        return None
    number, places = told
    return Gathered(number, tuple((offset, part) for offset, part in places), when)


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
