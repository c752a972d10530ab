"""Objects as the things selected: from rows of frames to a row for each object that a task found there.

A row of an object has the vector of what is in its padded box, and what is known of its frame; METADATA of the keys
`label` and `score` is its own, and so is what its task predicts (`OwnPredictions`). It is called like the file of its
crop: `sub/video_1-099-mp4-3.jpg`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.data import Box, Decision, Frame, Mark, Pixels, Value
from streamsel.embed import Embedder, Row, Window
from streamsel.embed.larder import BARE
from streamsel.embed.objects import embed_objects
from streamsel.rules.filters import Filter
from streamsel.rules.frame_objects import Boxes
from streamsel.rules.frame_rows import FrameRows
from streamsel.rules.material import batch_of
from streamsel.rules.own_predictions import OwnPredictions
from streamsel.rules.own_values import object_name, of_objects, own_columns
from streamsel.rules.unseen import Unseen
from streamsel.selection.columns import Batch
from streamsel.signals.crops import crops_at, refused_in

__all__ = ["NO_OBJECT", "Inside", "ObjectRows", "of_rows"]

NO_OBJECT: Final = Decision(False, "no object", math.inf)
"""On a frame in which there is nothing to pick."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a task found in a frame. rows: of what can be cut out. refused: why each of the others cannot. batch: what
    filters read of the rows, where there are any of both."""

    rows: Sequence[Row]
    refused: Sequence[str] = ()
    batch: Batch | None = field(default=None, repr=False)


class ObjectRows:
    """Cuts rows of frames into rows of objects, and counts them. boxes: of a frame that has this name.

    task: whose objects they are. called: the name of a frame. padding: of boxes, 0 or more. embedder: None where nobody
    reads the vectors; they are of no length then. alone: what the task says of single objects.
    """

    def __init__(
        self,
        config: SelectionConfig,
        task: str,
        boxes: Boxes,
        called: Callable[[Mark], str],
        embedder: Embedder | None,
        padding: float = 0.0,
        unseen: Unseen | None = None,
        alone: OwnPredictions | None = None,
    ) -> None:
        self._config, self._boxes, self._called = of_objects(config, task), boxes, called
        self._alone = OwnPredictions(config, task, None) if alone is None else alone
        self.filter, self._columns = Filter(self._config), own_columns(config)
        self.thins = any(entry.strategy.type == "THRESHOLD" for entry in self._config.strategies)
        """Whether a threshold takes objects out of frames."""
        self._embedder, self.padding = embedder, padding
        self._unseen = unseen
        self.looked = 0
        """Objects so far, those dropped too."""
        self.drops: Counter[str] = Counter()
        """Why objects are not picked, and how many."""

    def rows(self, rows: Sequence[Row], windows: Iterable[Window]) -> list[Row]:
        """A row per object of each row's frame, in order, with its vector and without those that filters forbid.

        windows: the rows' frames, of one frame each; taken one after the other. They have the ids of their frames.
        """
        pairs = zip(rows, windows, strict=True)
        return self.embedded((frame, self.kept(self.inside(row, frame))) for row, (frame,) in pairs)

    def embedded(
        self, frames: Iterable[tuple[Frame, Sequence[Row]]], breathe: Callable[[], None] = lambda: None
    ) -> list[Row]:
        """The rows of all frames with their vectors. frames: each with its rows; taken one after the other.

        breathe: called after each batch of the embedder.
        """
        found: list[Row] = []
        crops = self._cut(frames, found)
        if self._embedder is None:
            vectors = [BARE for frame in crops for _ in frame]
        else:
            vectors = [vector for frame in embed_objects(self._embedder, crops, breathe) for vector in frame]
        return [replace(row, vector=vector) for row, vector in zip(found, vectors, strict=True)]

    def _cut(self, frames: Iterable[tuple[Frame, Sequence[Row]]], found: list[Row]) -> Iterator[Sequence[Pixels]]:
        for frame, rows in frames:
            found.extend(rows)
            yield self._crops(frame, [one.box for one in rows if one.box])

    def _crops(self, frame: Frame, boxes: Sequence[Box]) -> Sequence[Pixels]:
        if self._embedder is None:
            return [np.empty((0, 0, 3), np.uint8)] * len(boxes)
        cut = crops_at(frame.picture, boxes, self._embedder.size, self.padding)
        return [crop for crop in cut if crop is not None]

    def inside(self, row: Row, frame: Frame) -> Inside:
        """The objects of a row's frame, not counted yet. Raises UsageError, SourceError for what cannot be read."""
        name = self._called(frame.mark)
        boxes = self._boxes(frame, name)
        reasons = [refused_in(frame.picture, box) for box in boxes]
        rows = [self._of_box(row, frame, name, box) for box, why in zip(boxes, reasons, strict=True) if not why]
        return Inside(rows, [why for why in reasons if why], self._filtered(rows, name))

    def _filtered(self, rows: Sequence[Row], name: str) -> Batch | None:
        if not self.filter or not rows:
            return None
        marks = [row.marks[0] for row in rows]
        names = [object_name(name, row.marks[0], row.box) for row in rows if row.box]
        return batch_of(self._config, FrameRows(names, marks, [row.signals for row in rows]))

    def kept(self, inside: Inside) -> list[Row]:
        """Those that no threshold forbids; all are counted."""
        reasons = self._reasons(inside)
        self.looked += len(inside.refused) + len(inside.rows)
        self.drops.update([*inside.refused, *(reason for reason in reasons if reason)])
        kept = [row for row, reason in zip(inside.rows, reasons, strict=True) if not reason]
        if self._unseen is not None and self._columns:
            self._unseen.add([row.signals for row in kept])
        return kept

    def _reasons(self, inside: Inside) -> list[str]:
        if inside.batch is None:
            return [""] * len(inside.rows)
        if self._unseen is not None:
            self._unseen.meet([row.signals for row in inside.rows])
        return [reason or "" for reason in self.filter.reasons(inside.batch)]

    def _of_box(self, row: Row, frame: Frame, name: str, box: Box) -> Row:
        own: dict[str, Value] = {column: getattr(box, key) for column, key in self._columns.items()}
        return replace(row, signals={**row.signals, **own, **self._alone.of(frame, name, box)}, box=box)

    def settle(self, decisions: Sequence[Decision]) -> None:
        """What was decided on rows that `rows` gave."""
        self.drops.update(decision.reason for decision in decisions if not decision)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The counts."""
        held = json.dumps({"looked": self.looked, "drops": self.drops}, sort_keys=True)
        return {"counts": np.frombuffer(held.encode(), np.uint8), **self.filter.state()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        held = json.loads(arrays["counts"].tobytes())
        self.looked, self.drops = held["looked"], Counter(held["drops"])
        if "passed" in arrays:
            self.filter.restore(arrays)


def of_rows(rows: Sequence[Row], things: Sequence[Row], decisions: Sequence[Decision]) -> list[Decision]:
    """A decision for each row, of those on things that are cut from it: a pick, or what came nearest to being one."""
    best: dict[int, Decision] = {}
    for thing, decision in zip(things, decisions, strict=True):
        known = best.get(thing.id)
        if known is None or (decision.keep, decision.distance) > (known.keep, known.distance):
            best[thing.id] = decision
    return [best.get(row.id, NO_OBJECT) for row in rows]
