"""From frames that were read to what is decided on: each by itself, or sequences of them.

What is known of a sequence is made of its frames as `select` makes it: the mean of vectors and numbers, the sum of
counts, the most frequent of labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamsel.data import Frame, Value, Vector
from streamsel.embed import Window
from streamsel.lanes.deciding import Gathered, Taken
from streamsel.lanes.sequences import Complete, Read, Sequences
from streamsel.rules.entrance import Entrance
from streamsel.rules.object_rows import Inside
from streamsel.rules.readings import NoPicture
from streamsel.selection.columns import Vectors

__all__ = ["Found", "gathered"]


@dataclass(frozen=True, slots=True)
class Found:
    """What is decided on: its frames with what was read of it, its vector, its objects' by task, and whether it is a
    sequence. inside: where its objects are what is selected, these."""

    window: Window
    vector: Vector = field(repr=False)
    objects: Sequence[Mapping[str, Vector]] = ()
    sequence: Gathered | None = None
    inside: Inside | None = None

    @property
    def signals(self) -> Mapping[str, Value]:
        """What was read of it."""
        return self.window[0].signals


def gathered(entrance: Entrance, sequences: Sequences, frame: Frame, row: Taken) -> Found | None:
    """The sequence that a frame completes, which was measured alone; None: it waits. row: as it came.

    Raises UsageError for a vector, or a value, that is none: the frame is not among those of a sequence then.
    """
    digests = entrance.inspection.taken_back()
    entrance.check(frame)
    Vectors(row.vector[None])
    read = Read.of(row.place, frame.mark, frame.signals, row.when, digests)
    complete = sequences.take(read, row.vector, row.offset if row.alone else None)
    return None if complete is None else _found(entrance, complete)


def _found(entrance: Entrance, complete: Complete) -> Found:
    frames = [Frame(one.mark, NoPicture(), signals=one.signals) for one in complete.frames]
    window = entrance.joined(frames, [digest for one in complete.frames for digest in one.digests])
    return Found(window, complete.vector, sequence=complete.sequence)
