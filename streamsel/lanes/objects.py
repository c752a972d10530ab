"""Objects of a lane's frames, where these are what is selected: cut out, embedded over many frames at once, counted.

What is known of a frame, and of each object in it, is read while nothing else has come: so any cut of the frames into
batches gives the same. A frame in which there is nothing to pick enters as no row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.data import Decision, Frame, Vector
from streamsel.embed import Row
from streamsel.errors import UsageError
from streamsel.lanes.by_window import WAITS
from streamsel.lanes.deciding import Arrays, Entered, Taken, Verdict
from streamsel.lanes.gathering import Found
from streamsel.rules.frame_rules import FrameRules
from streamsel.rules.material import NAME, VECTORS
from streamsel.rules.object_rows import NO_OBJECT, Inside, ObjectRows
from streamsel.rules.own_vectors import LACKING
from streamsel.rules.worth import Worth
from streamsel.selection.columns import Batch, Vectors
from streamsel.sink.picture_file import JPEG_LONGEST

__all__ = ["OBJECTS", "Cut", "Objects", "of_frames"]

OBJECTS: Final = "objects"
"""Under which name the arrays are told."""

NO_VECTOR: Final = Decision(False, LACKING, math.inf)
"""On an object of which the model makes nothing that could be compared."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A frame that entered, as it came and as it was read. things: what of it enters, without vectors; batch: all of
    them, with zeros for vectors; worths: theirs."""

    row: Taken
    frame: Frame = field(repr=False)
    things: Sequence[Row]
    batch: Batch
    worths: Sequence[float]


class Objects:
    """rules: of their lane. things: what makes them. dim: of vectors. check: see `Decider`."""

    def __init__(
        self,
        config: SelectionConfig,
        rules: FrameRules,
        things: ObjectRows,
        dim: int,
        check: Callable[[Vector], None],
    ) -> None:
        self._rules, self._things, self._dim, self._check = rules, things, dim, check
        self._worth = Worth(config)
        self._entered = 0

    @property
    def looked(self) -> int:
        """Objects that entered so far."""
        return self._entered

    def found(self, frame: Frame) -> Found:
        """What is to be decided on of a frame that was measured; nothing is counted.

        Raises UsageError, SourceError for what cannot be read, or cut out.
        """
        if max(frame.picture.width, frame.picture.height) > JPEG_LONGEST:
            size = f"{frame.picture.width} x {frame.picture.height} pixels"
            raise UsageError(f"{size}: what is cut out of it is to be a JPEG, which has {JPEG_LONGEST} a side at most")
        self._rules.entrance.check_row(frame)
        inside = self._things.inside(Row(0, (frame.mark,), signals=frame.signals), frame)
        self._batch(inside.rows)
        return Found((frame,), np.empty(0, np.float32), inside=inside)

    def cut(self, row: Taken, found: Found) -> Cut:
        """A frame enters: it and its objects are counted, and those that a threshold forbids go."""
        self._rules.entrance.admit([found.window])
        things = self._things.kept(found.inside or Inside(()))
        batch = self._batch(things)
        worths = self._worth.of(batch[NAME].values.tolist(), [thing.signals for thing in things])
        told = [0.0] * len(things) if worths is None else worths.tolist()
        return Cut(row, found.window[0], things, batch, told)

    def _batch(self, things: Sequence[Row]) -> Batch:
        return self._rules.batch(things, np.zeros((len(things), self._dim), np.float32))

    def entered(self, passed: Sequence[Cut | Verdict], breathe: Callable[[], None]) -> list[Entered | Verdict]:
        """A row for each object of frames that entered; of one without any, as of one that was turned away, a verdict.

        breathe: called often, see `Decider`.
        """
        cuts = [one for one in passed if isinstance(one, Cut)]
        vectors = iter(self._things.embedded(((cut.frame, cut.things) for cut in cuts), breathe))
        rows: list[Entered | Verdict] = []
        for one in passed:
            rows += [one] if isinstance(one, Verdict) else self._rows(one, list(islice(vectors, len(one.things))))
        return rows

    def _rows(self, cut: Cut, things: Sequence[Row]) -> list[Entered | Verdict]:
        rows = list(self._compared(cut, things))
        self._things.settle([NO_VECTOR] * (len(things) - len(rows)))
        return [*rows] or [Verdict(NO_OBJECT, signals=cut.frame.signals)]

    def _compared(self, cut: Cut, things: Sequence[Row]) -> Iterator[Entered]:
        """Those that have a vector, where one is needed."""
        for number, (thing, worth) in enumerate(zip(things, cut.worths, strict=True)):
            assert thing.vector is not None
            try:
                batch = _with_vector(cut.batch.take([number]), thing.vector)
                self._check(thing.vector)
            except UsageError:
                continue
            known = thing.marks, thing.signals, batch, thing.vector, self._entered, cut.row.when, worth
            yield Entered(cut.row.place, *known, box=thing.box)
            self._entered += 1

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        """What was decided on rows; those that wait for the end of a window are told of by nobody."""
        self._things.settle([one.decision for one in verdicts if one.decision.reason != WAITS])

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Counts, and what the worth of objects is compared with."""
        held = {**self._things.state(), **self._worth.state(), "entered": np.array(self._entered)}
        return {f"{OBJECTS}/{key}": array for key, array in held.items()}

    def restore(self, arrays: Arrays) -> None:
        """Become what `state` was taken from. arrays: those below `OBJECTS`."""
        self._things.restore(arrays)
        self._worth.restore(arrays)
        self._entered = int(arrays["entered"])


def _with_vector(row: Batch, vector: Vector) -> Batch:
    columns: Mapping[str, Any] = row.columns
    return Batch({**columns, VECTORS: Vectors(vector[None])}, 1) if VECTORS in columns else row


def of_frames(rows: Sequence[Entered | Verdict], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """A verdict for each frame, of those on its rows: on a pick, or what came nearest to being one; see `of_rows`."""
    keys = [row.place if isinstance(row, Entered) else (-1, number) for number, row in enumerate(rows)]
    frames = groupby(zip(keys, verdicts, strict=True), key=lambda pair: pair[0])
    return [max((verdict for _, verdict in own), key=_nearness) for _, own in frames]


def _nearness(verdict: Verdict) -> tuple[bool, float]:
    return verdict.decision.keep, verdict.decision.distance
