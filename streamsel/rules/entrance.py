"""The entrance: what is known of windows of frames is read or measured there, and filters turn some of them away.

It stands before the scout, which must not decide what it cannot see, and before frames are shrunk, since measuring
takes whole pictures. Its counts are part of a run's state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Names, Quota
from streamsel.data import Box, Frame, Mark, Value
from streamsel.embed import Window
from streamsel.rules.days import UNDATED
from streamsel.rules.filters import Filter, listed, stem
from streamsel.rules.frame_rows import FrameRows
from streamsel.rules.inspection import Inspection
from streamsel.rules.material import DAY, batch_of
from streamsel.rules.own_values import object_name
from streamsel.rules.own_vectors import LACKING
from streamsel.rules.readings import Reading
from streamsel.rules.totals import Totals
from streamsel.rules.unseen import Unseen
from streamsel.rules.values import to_column
from streamsel.rules.wanted_files import WantedFiles
from streamsel.rules.wanted_names import WantedNames
from streamsel.rules.worth import Worth
from streamsel.selection.random_numbers import random_number

__all__ = ["Entrance"]


class Entrance:
    """Reads, measures and filters; also says what a row is worth whatever has been picked.

    called: the name of a frame, by which files and filters know it. files: those that may be picked from; None: all.
    remove_duplicates: frames whose picture was there before are turned away. wanted, unseen: what is noted of names and
    classes that the config names. parts: columns that parts of frames have by themselves: numbers of a frame do not
    tell the mean of those. holds: whether a frame of that name has a vector, where not all have.
    """

    def __init__(
        self,
        config: SelectionConfig,
        readings: Sequence[Reading],
        filters: Filter,
        called: Callable[[Mark], str],
        files: WantedFiles | None = None,
        *,
        remove_duplicates: bool = False,
        wanted: WantedNames | None = None,
        unseen: Unseen | None = None,
        parts: Collection[str] = (),
        holds: Callable[[Mark, str], bool] | None = None,
    ) -> None:
        self._readings, self.filters, self.called = list(readings), filters, called
        self.files = WantedFiles(None) if files is None else files
        thresholds = tuple(entry for entry in config.strategies if entry.strategy.type == "THRESHOLD")
        self._early = config.model_copy(update={"strategies": thresholds, "constraints": ()})
        listings = [listed(one) for one in config.constraints if isinstance(one, Names)]
        self._listed = {stem(name) for names in listings for name in names}
        self._values = config.model_copy(update=_reading_values(config))
        self._seeds = {one.column: config.seed_of(one) for one in config.strategies if one.input.type == "RANDOM"}
        self._worth, self.totals = Worth(config), Totals()
        self.inspection = Inspection(called, remove_duplicates=remove_duplicates)
        self.wanted = WantedNames(config) if wanted is None else wanted
        self.unseen = Unseen(config) if unseen is None else unseen
        self._parts, self._holds = parts, holds
        self._dated = DAY in self.columns
        self.seen = 0
        """Windows so far, those turned away too."""

    @property
    def classes(self) -> Mapping[str, Sequence[str]]:
        """Column -> the classes that its counts have even where no row does."""
        return {reading.column: reading.classes for reading in self._readings if reading.classes}

    @property
    def columns(self) -> frozenset[str]:
        """Of values that it reads of frames, and puts among their signals."""
        return frozenset(reading.column for reading in self._readings)

    def measured(self, stream: Iterable[Window]) -> Iterator[Window]:
        """The windows, with what is known of them in their frames' `signals`."""
        inspected = map(self.inspection.look, stream)
        return map(self._measured, inspected) if self._readings else inspected

    def _measured(self, window: Window) -> Window:
        names = [self.called(frame.mark) for frame in window]
        known: dict[str, Value] = {one.column: one.of([window], [names])[0] for one in self._readings}
        return tuple(replace(frame, signals={**frame.signals, **known}) for frame in window)

    def check(self, frame: Frame) -> None:
        """Raises UsageError for what was read of a frame and is no value of its kind; what is not known is none."""
        for one in self._readings:
            if (value := frame.signals[one.column]) is not None:
                to_column(one.kind, [value], [self.called(frame.mark)], one.column, one.classes)

    def check_row(self, frame: Frame) -> None:
        """Raises UsageError for a frame that was measured, and that `reasons` or `admit` could not use."""
        batch_of(self._values, self.rows([(frame.mark,)], [frame.signals]))

    def joined(self, frames: Sequence[Frame], digests: Sequence[int]) -> Window:
        """A window of frames that were measured one at a time, as if they had come at once; see `Inspection.put`."""
        self.inspection.put(digests)
        known = {one.column: one.combined([frame.signals[one.column] for frame in frames]) for one in self._readings}
        return tuple(replace(frame, signals=known) for frame in frames)

    def telling(self, marks: Sequence[Mark]) -> tuple[Mark, ...]:
        """Those that are enough to know a row by: its first, and the one that is to be included or excluded."""
        listed = [mark for mark in marks[1:] if stem(self.called(mark)) in self._listed] if self._listed else []
        return (marks[0], *listed[:1])

    def reasons(self, block: Sequence[Window]) -> list[str]:
        """Why each window is turned away; empty where it is not. Counts them."""
        self.seen += len(block)
        told = zip(block, self._filtered(block), strict=True)
        filtered = [
            (window, self._irrelevant(window[0].mark) or reason or self._without(window)) for window, reason in told
        ]
        reasons = [self.inspection.repeats(window, reason) for window, reason in filtered]
        for window, reason in zip(block, reasons, strict=True) if self.wanted else ():
            self.wanted.come([self.called(frame.mark) for frame in window], reason)
        return reasons

    def _irrelevant(self, mark: Mark) -> str:
        return "" if not self.files or self.files.includes(self._file(mark)) else "not relevant"

    def _without(self, window: Window) -> str:
        if self._holds is not None and not all(self._holds(one.mark, self.called(one.mark)) for one in window):
            return LACKING
        return UNDATED if self._dated and window[0].signals[DAY] is None else ""

    def _file(self, mark: Mark) -> str:
        return self.called(mark) if mark.name else mark.source

    def _filtered(self, block: Sequence[Window]) -> list[str]:
        if not self.filters:
            return [""] * len(block)
        signals = [window[0].signals for window in block]
        self.unseen.meet(signals)
        rows = self.rows([tuple(f.mark for f in window) for window in block], signals)
        return [reason or "" for reason in self.filters.reasons(batch_of(self._early, rows))]

    def rows(
        self,
        marks: Sequence[Sequence[Mark]],
        signals: Sequence[Mapping[str, Value]],
        boxes: Sequence[Box | None] = (),
        *,
        totals: Totals | None = None,
        **more: Any,
    ) -> FrameRows:
        """Material of rows. boxes: which objects of frames they are. totals: of what they are a part of, unless that is
        all that passed. more: `rows`, vectors; `crops`, their objects.
        """
        firsts = [row[0] for row in marks]
        names = [self._name(row) for row in marks]
        for place, box in enumerate(boxes):
            names[place] = object_name(names[place], firsts[place], box) if box else names[place]
        ends = (totals or self.totals).ends
        return FrameRows(names, firsts, signals, classes=self.classes, ends=ends, **more)

    def _name(self, marks: Sequence[Mark]) -> str:
        """A row goes by its first frame, or by the first one that is to be included or excluded."""
        names = [self.called(mark) for mark in marks] if self._listed else [self.called(marks[0])]
        return next((name for name in names if stem(name) in self._listed), names[0])

    def admit(self, block: Sequence[Window]) -> npt.NDArray[np.float32] | None:
        """Take windows in that were not turned away: their values count in the totals.

        Gives (B,) what each is worth by its numbers and counts alone; None where the config reads none. Raises
        UsageError for a value that cannot be used: now, not when all has been looked at.
        """
        batch_of(self._values, self.rows([(w[0].mark,) for w in block], [w[0].signals for w in block]))
        names = [self._name([frame.mark for frame in window]) for window in block]
        self.totals.add([self._summed(window[0].signals) for window in block])
        self.totals.add([self._random(name) for name in names])
        self.unseen.add([window[0].signals for window in block])
        return self._worth.of(names, [window[0].signals for window in block])

    def _summed(self, signals: Mapping[str, Value]) -> Mapping[str, Value]:
        """What adds up to what all that is selected holds: counts of a frame are the sum of its objects'."""
        if not self._parts:
            return signals
        return {key: one for key, one in signals.items() if key not in self._parts or isinstance(one, Mapping)}

    def _random(self, name: str) -> dict[str, Value]:
        """The numbers of RANDOM, which are known of every row like values that are read."""
        return {column: random_number(name, seed) for column, seed in self._seeds.items()}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Counts, and what the worth of rows is compared with; what else it has keeps a state of its own."""
        return {"seen": np.array(self.seen), **self._worth.state()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self.seen = int(arrays["seen"])
        self._worth.restore(arrays)


def _reading_values(config: SelectionConfig) -> dict[str, Any]:
    """What of a config reads values of frames, which are known before anything is embedded."""
    read = tuple(one for one in config.strategies if one.kind in ("numbers", "labels", "counts"))
    return {"strategies": read, "constraints": tuple(one for one in config.constraints if isinstance(one, Quota))}
