"""A lane: one partition's selection, which goes on where it stood on whatever machine it is restored.

It takes frames with their vectors in the order of their records, decides each for good, and tells what changed of its
state as small entries. Any cut of the frames into batches gives the same verdicts and the same state; so each row is
read, filtered and counted alone, and only distances are found for a whole batch at once.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from streamsel.data import Box, Decision, Frame, Mark, Value, Vector
from streamsel.errors import DiskError, SourceError, StateError, UsageError
from streamsel.rules.frame_rules import FrameRules
from streamsel.selection.columns import Batch, concatenate
from streamsel.selection.stream.onepass import OnePass
from streamsel.service.forgetting import Forgetting
from streamsel.service.state_entries import Entries, arrays_of

__all__ = ["Lane", "Taken", "Verdict"]

FACTS: Final = b"#lane"
"""The key of the entry that says where a lane stands, and whose it is."""
FORMAT: Final = 2

_PICKS: Final = re.compile(r"^selector/[0-9]+/picks$")
"""Picks of which some are forgotten have a name of their own, since what only grows is told by rows."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame that was embedded. vector: (D,) float32, of unit norm; (0,) where nothing reads vectors.

    offset: of its record. part: its number among the record's frames, 0-based. last: whether it is the last of them.
    when: it was taken, seconds since 1970; read where picks are forgotten.
    """

    frame: Frame
    vector: Vector = field(repr=False)
    offset: int
    part: int = 0
    last: bool = True
    when: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a frame. True where it is a pick.

    ordinal: of the pick among those of its lane, 0-based; else -1. signals: column -> value, of what was read of it.
    unusable: why nothing could be decided, where a value that the selection needs is missing or wrong; else empty.
    again: whether an earlier frame of the same record was unusable, too.
    """

    decision: Decision
    ordinal: int = -1
    signals: Mapping[str, Value] = field(default_factory=dict)
    unusable: str = ""
    again: bool = False

    def __bool__(self) -> bool:
        return self.decision.keep


@dataclass(frozen=True, slots=True)
class _Row:
    """A frame that entered, as selectors take it. place: its number among all that were looked at."""

    batch: Batch
    place: int
    signals: Mapping[str, Value]
    when: float


@dataclass(frozen=True, slots=True)
class _Known:
    """See `streamsel.rules.frame_rules.Known`."""

    marks: tuple[Mark, ...]
    signals: Mapping[str, Value]
    box: Box | None = None


class Lane:
    """rules and selector: fresh, of this lane alone. identity: of selection, goal and model; state of another one is
    refused. What follows its first space is the model's name.

    position: offset of the record to read next, None before the first. inside: how many frames of that record have
    been taken already, where it holds several. called: what errors call it, by default by its partition. anew: what
    they advise whoever wants to begin with new state. forgetting: of picks; None: all are known for good.
    """

    def __init__(
        self,
        partition: int,
        rules: FrameRules,
        selector: OnePass,
        *,
        identity: str = "",
        called: str = "",
        anew: str = "name another state topic and group",
        forgetting: Forgetting | None = None,
    ) -> None:
        self.partition, self.identity = partition, identity
        self._called, self._anew = called or f"partition {partition}", anew
        self.position: int | None = None
        self.inside = 0
        self._faulty = False
        """Whether a frame of the record at hand was unusable."""
        self._rules, self._entrance, self._selector = rules, rules.entrance, selector
        self._forgetting = forgetting if selector.diversity else None
        self._entries = Entries()

    def __len__(self) -> int:
        """Picks so far."""
        return len(self._selector)

    @property
    def looked(self) -> int:
        """Frames so far, but for those that could not be used."""
        return self._entrance.seen

    def awaits(self, offset: int, part: int = 0) -> bool:
        """Whether this frame has not been taken yet."""
        return (offset, part) >= (self.position or 0, self.inside)

    def skip(self, offset: int) -> None:
        """A record is done with, and nothing more comes of it, also where some of its frames were taken."""
        if offset >= (self.position or 0):
            self.position, self.inside = offset + 1, 0

    def take(self, rows: Sequence[Taken]) -> list[Verdict]:
        """Decide on frames in the order of their records.

        Raises ValueError for one that was taken before, DiskError where files of a user cannot be read: throw the lane
        away then.
        """
        entered = [self._enter(row) for row in rows]
        fresh = [row for row in entered if isinstance(row, _Row)]
        decided = iter(self._decide(fresh) if fresh else ())
        return [next(decided) if isinstance(row, _Row) else row for row in entered]

    def _enter(self, row: Taken) -> _Row | Verdict:
        """The row that a frame becomes, or why it is turned away."""
        self._step(row)
        try:
            (window,) = self._entrance.measured(iter([(row.frame,)]))
            objects = self._rules.objects.vectors([window]) if self._rules.objects else ()
            frame = self._bare(window[0])
            self._batch(frame, row.vector, objects)  # what cannot be read is told before anything is counted
        except DiskError:
            raise
        except (UsageError, SourceError) as error:
            self._entrance.inspection.begin()
            again, self._faulty = self._faulty, True
            return Verdict(Decision(False, "unusable", math.inf), unusable=str(error), again=again)
        place = self._entrance.seen
        (reason,) = self._entrance.reasons([(frame,)])
        if reason:
            return Verdict(Decision(False, reason, math.inf), signals=frame.signals)
        self._entrance.admit([(frame,)])
        return _Row(self._batch(frame, row.vector, objects), place, frame.signals, row.when)

    def _step(self, row: Taken) -> None:
        if not self.awaits(row.offset, row.part):
            raise ValueError(f"frame {row.part} of offset {row.offset} was taken before: next is {self.position}")
        self._faulty = self._faulty and row.part > 0
        self.position, self.inside = (row.offset + 1, 0) if row.last else (row.offset, row.part + 1)

    def _bare(self, frame: Frame) -> Frame:
        """The frame without what it carries and nothing reads: totals would remember every name that ever came."""
        read = self._entrance.columns
        return replace(frame, signals={name: value for name, value in frame.signals.items() if name in read})

    def _batch(self, frame: Frame, vector: Vector, objects: Sequence[Mapping[str, Vector]]) -> Batch:
        return self._rules.batch([_Known((frame.mark,), frame.signals)], vector[None], objects)

    def _decide(self, rows: Sequence[_Row]) -> list[Verdict]:
        """Verdicts on rows, and what is to be forgotten between them."""
        if self._forgetting is None:
            return self._judged(rows)
        verdicts: list[Verdict] = []
        for run in self._forgetting.runs([row.when for row in rows]):
            self._selector.forget(self._forgetting.due(rows[run.start].when))
            verdicts += self._judged(rows[run])
            for row, verdict in zip(rows[run], verdicts[run], strict=True):
                if verdict:
                    self._forgetting.picked(row.when)
        return verdicts

    def _judged(self, rows: Sequence[_Row]) -> list[Verdict]:
        """Verdicts on rows; each counts for as many frames as were looked at since the one before."""
        ordinal = len(self)
        looked = np.diff([row.place for row in rows], prepend=self._selector.looked - 1).tolist()
        verdicts = []
        for row, decision in zip(rows, self._selector.offer(concatenate([r.batch for r in rows]), looked), strict=True):
            verdicts.append(Verdict(decision, ordinal if decision else -1, row.signals))
            ordinal += decision.keep
        return verdicts

    def entries(self) -> dict[bytes, bytes | None]:
        """What changed of the whole state since the last call, or since it was restored; None: gone."""
        facts = {"format": FORMAT, "identity": self.identity, "position": self.position, "inside": self.inside}
        facts["faulty"] = self._faulty and self.inside > 0
        return {FACTS: json.dumps(facts).encode(), **self._entries.changed(*self._state())}

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[Any]]]:
        """All arrays by name, and apart from them those of picks, which only grow."""
        held = {f"{name}/{key}": array for name, part in self._parts() for key, array in part.state().items()}
        if self._selector.diversity:
            gone = self._selector.forgotten
            held[f"selector/{gone}/picks" if gone else "selector/picks"] = self._selector.picks
        grown = {name: held.pop(name) for name in list(held) if name.endswith("picks") and held[name].ndim == 2}
        return held, grown

    def _parts(self) -> Sequence[tuple[str, Any]]:
        """All that remembers, by the name under which its arrays are told."""
        parts: list[tuple[str, Any]] = [
            ("entrance", self._entrance),
            ("inspection", self._entrance.inspection),
            ("selector", self._selector),
        ]
        return [*parts, ("forgetting", self._forgetting)] if self._forgetting else parts

    @classmethod
    def restored(cls, make: Callable[[], Self], entries: Mapping[bytes, bytes]) -> Self:
        """A lane as `make` makes it, with the state of the latest value of every entry; fresh where there are none.

        Raises StateError for state that is damaged, or that another selection or model made.
        """
        lane = make()
        if entries:
            lane._restore(entries)
        return lane

    def _restore(self, entries: Mapping[bytes, bytes]) -> None:
        kept = {key: value for key, value in entries.items() if key != FACTS}
        self.position, self.inside, self._faulty = self._place(entries.get(FACTS))
        arrays = {_PICKS.sub("selector/picks", key): array for key, array in arrays_of(kept).items()}
        for name, part in self._parts():
            own = {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
            try:
                part.restore(own)
            except (KeyError, ValueError) as error:
                raise StateError(f"{self._called}: saved state of {name} is damaged ({error})") from error
        if self._forgetting:
            self._forgetting.adopt(len(self._selector.picks))
        self._entries = Entries(kept)

    def _place(self, facts: bytes | None) -> tuple[int | None, int, bool]:
        try:
            told = json.loads(facts or b"")
            position, inside, form, identity = (told[key] for key in ("position", "inside", "format", "identity"))
        except (ValueError, TypeError, KeyError) as error:
            raise StateError(f"{self._called}: saved state does not say where it stands") from error
        if form != FORMAT or identity != self.identity:
            raise StateError(
                f"{self._called}: the saved state is of {_differs(str(identity), self.identity)}; "
                f"go back to that, or {self._anew} to start anew"
            )
        return position, inside, bool(told.get("faulty"))


def _differs(saved: str, own: str) -> str:
    """What is told of two identities: their models, where these differ."""
    theirs, ours = saved.partition(" ")[2], own.partition(" ")[2]
    return f"model {theirs}, and this is {ours}" if theirs != ours else "another selection, goal, query set or version"
