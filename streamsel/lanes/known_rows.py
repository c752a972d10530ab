"""Rows as state remembers them: what selection reads of a frame, and its vector, as one document each.

A document is a line of JSON and the raw little-endian float32 numbers of the vector. Values are what JSON gives back
from the first moment on, so that a lane that was restored knows no others than one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from streamsel.data import Box, Mark, Value, Vector
from streamsel.lanes.deciding import Entered, Place
from streamsel.sink.json_file import plain
from streamsel.store import dump_marks, load_marks

__all__ = ["KnownRow", "document_of", "read_document"]


@dataclass(frozen=True, slots=True)
class KnownRow:
    """See `streamsel.rules.frame_rules.Known`. place: of the frame. when: UTC seconds since 1970."""

    place: Place
    marks: tuple[Mark, ...]
    signals: Mapping[str, Value]
    when: float
    box: Box | None = None

    @classmethod
    def of(cls, row: Entered) -> Self:
        """What is kept of a frame that entered."""
        return cls(row.place, (row.mark,), json.loads(json.dumps(plain(row.signals))), row.when)

    def text(self) -> bytes:
        """It as one line of JSON; `read` gives it back."""
        told = {"place": self.place, "marks": dump_marks(self.marks), "signals": self.signals, "when": self.when}
        return json.dumps(told, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def read(cls, text: bytes) -> Self:
        """What `text` wrote. Raises ValueError or KeyError where it is damaged."""
        told = json.loads(text)
        offset, part = told["place"]
        return cls((offset, part), load_marks(told["marks"]), told["signals"], told["when"])


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
