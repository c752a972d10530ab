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
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.data import Box, Decision, Frame, Mark, Pixels, Value, Vector
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
from streamsel.signals.crops import crops_at, refusal

__all__ = ["ObjectRows", "of_rows"]

NO_OBJECT: Final = Decision(False, "no object", math.inf)
"""On a frame in which there is nothing to pick."""


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
        found: list[Row] = []
        vectors = self._embedded(self._cut(rows, windows, found))
        if self._unseen is not None and self._columns:
            self._unseen.add([row.signals for row in found])
        return [replace(row, vector=vector) for row, vector in zip(found, vectors, strict=True)]

    def _embedded(self, crops: Iterator[Sequence[Pixels]]) -> list[Vector]:
        if self._embedder is None:
            return [BARE for frame in crops for _ in frame]
        return [vector for frame in embed_objects(self._embedder, crops) for vector in frame]

    def _cut(self, rows: Sequence[Row], windows: Iterable[Window], found: list[Row]) -> Iterator[Sequence[Pixels]]:
        for row, (frame,) in zip(rows, windows, strict=True):
            kept = self._kept(row, frame)
            found.extend(kept)
            yield self._crops(frame, [one.box for one in kept if one.box])

    def _crops(self, frame: Frame, boxes: Sequence[Box]) -> Sequence[Pixels]:
        if self._embedder is None:
            return [np.empty((0, 0, 3), np.uint8)] * len(boxes)
        cut = crops_at(frame.picture, boxes, self._embedder.size, self.padding)
        return [crop for crop in cut if crop is not None]

    def _kept(self, row: Row, frame: Frame) -> list[Row]:
        """The objects that hold something of the picture, and that no threshold forbids."""
        name = self._called(frame.mark)
        boxes = self._boxes(frame, name)
        self.looked += len(boxes)
        reasons = [refusal(box, frame.picture.width, frame.picture.height) for box in boxes]
        inside = [self._of_box(row, frame, name, box) for box, why in zip(boxes, reasons, strict=True) if not why]
        reasons += self._forbidden(inside, name)
        self.drops.update(reason for reason in reasons if reason)
        return [one for one, reason in zip(inside, reasons[len(boxes) :], strict=True) if not reason]

    def _forbidden(self, rows: Sequence[Row], name: str) -> list[str]:
        if not self.filter or not rows:
            return [""] * len(rows)
        marks = [row.marks[0] for row in rows]
        names = [object_name(name, row.marks[0], row.box) for row in rows if row.box]
        signals = [row.signals for row in rows]
        if self._unseen is not None:
            self._unseen.meet(signals)
        material = FrameRows(names, marks, signals)
        return [reason or "" for reason in self.filter.reasons(batch_of(self._config, material))]

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
