"""The values that travel through streamsel: frozen, and they check their own shapes.

Frame and Mark come out of `decode`, Candidate out of `embed`, Decision and Pick out of `selection`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Box", "Candidate", "Decision", "Frame", "Mark", "Pick", "Picture", "Source", "Value", "fingerprint"]

Vector = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

Value = float | int | str | bool | Mapping[str, float] | None
"""What is known of a frame beside its vector: a number, a label, counts {class: amount}, or that it is not known."""

SourceKind = Literal["video", "images", "live"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where frames come from.

    id:       the name it has in outputs and state: a relative POSIX path for files and folders
              (`sub/video_1.mp4`), host and path without password for a URL. Never absolute, never `..`.
    location: what is opened: a path or a URL (may hold a password: never printed, never stored).
    kind:     `video` (a file or http(s) URL), `images` (a folder of pictures) or `live` (no end, no seeking).
    """

    id: str
    location: str = field(repr=False)
    kind: SourceKind = "video"


class Picture(Protocol):
    """The pixels of one frame, converted only when asked; rotation and crop are already applied."""

    width: int
    height: int

    def i420(self) -> Pixels:
        """(96, 64) uint8: a 64 x 64 I420 picture, sampled from the planes by stride, unfiltered; cheap."""
        ...

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """(height, width, 3) uint8 RGB, AREA-scaled to exactly that size; None: as large as the frame."""
        ...


def fingerprint(i420: Pixels) -> int:
    """CRC-32 of a frame's I420 sample: tells whether a seek came back to the very same frame."""
    return zlib.crc32(np.ascontiguousarray(i420).data)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a source, by which a frame is found again: bytes, not pixels.

    index: 0-based, counted as PyAV decodes. pts: presentation time in units of time_base. check: `fingerprint`
    of the frame (0: unknown), so that a seek can prove that it came back to it. name: file name of a still
    picture, relative to the source's folder, else empty.
    """

    source: str
    index: int
    pts: int
    time_base: Fraction
    check: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError(f"Mark.index must be 0 or more, got {self.index}")

    @property
    def time(self) -> float:
        """Seconds since the zero of the source's time base."""
        return float(self.pts * self.time_base)


@dataclass(frozen=True, slots=True)
class Box:
    """An object of a frame: where it is, and what it was taken for.

    x, y, width, height: pixels from the top left, not rounded. label: its class. score: 0..1. index: its place among
    the frame's predictions. task: what predicted it.
    """

    x: float
    y: float
    width: float
    height: float
    label: str = ""
    score: float = 1.0
    index: int = 0
    task: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture and where it stands. `key`: decodable alone.

    signals: what is known of it, or of the sequence that it belongs to: name -> Value.
    """

    mark: Mark
    picture: Picture = field(repr=False)
    key: bool = False
    signals: Mapping[str, Value] = field(default_factory=dict, repr=False)

    @property
    def nbytes(self) -> int:
        """About how many bytes of memory its picture holds, so that callers can bound what they keep."""
        return int(getattr(self.picture, "nbytes", 0)) or self.picture.width * self.picture.height * 3 // 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that can be picked: L consecutive frames and the vector that stands for them.

    vector: (D,) float32, unit norm. weight: number of frames that it stands for. box: the object that it is, where
    objects of a frame are picked.
    """

    marks: tuple[Mark, ...]
    vector: Vector = field(repr=False)
    weight: int = 1
    box: Box | None = None

    def __post_init__(self) -> None:
        if not self.marks:
            raise ValueError("Candidate.marks must hold at least one Mark")
        if self.vector.ndim != 1 or self.vector.dtype != np.float32:
            raise ValueError(f"Candidate.vector must be (D,) float32, got {self.vector.shape} {self.vector.dtype}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on one row, and why.

    reason: `first`, `distance`, `ratio`, `greedy`, `constraint ...` for picks; `near`, `ratio`, `budget` for drops.
    distance: Euclidean, to the nearest earlier pick (inf for the first). nearest: ordinal of that pick, or -1.
    gains: strategy name -> gain.
    """

    keep: bool
    reason: str
    distance: float
    nearest: int = -1
    gains: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.keep


@dataclass(frozen=True, slots=True)
class Pick:
    """A selected candidate, in the order picked (`ordinal`, 0-based), with the decision that selected it."""

    ordinal: int
    candidate: Candidate
    decision: Decision
