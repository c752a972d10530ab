"""A lane: one partition's selection, which goes on where it stood on whatever machine it is restored.

It takes frames with their vectors in the order of their records: `enter` reads, filters and counts each of them alone,
`decide` hands those that entered to the decider. Where sequences are selected, these enter with their last frame, and
where objects are, each of a frame by itself. It tells what changed of its state as small entries. Any cut of the frames
into batches gives the same picks and the same state.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self, TypeVar

from streamsel.data import Box, Decision, Frame, Mark, Value
from streamsel.errors import DiskError, SourceError, StateError, UsageError
from streamsel.lanes.breath import silent
from streamsel.lanes.deciding import Arrays, BrokenOff, Decider, Entered, Open, Settled, Taken, Verdict, under
from streamsel.lanes.gathering import Found, gathered
from streamsel.lanes.objects import OBJECTS, Objects, of_frames
from streamsel.lanes.sequences import FRAMES, STREAMS, Sequences
from streamsel.lanes.state_entries import Entries, Rows, arrays_of
from streamsel.rules.frame_rules import FrameRules
from streamsel.selection.columns import Batch

__all__ = ["FACTS", "Lane", "Taken", "Verdict"]

FACTS: Final = b"#lane"
"""The key of the entry that says where a lane stands, and whose it is."""
FORMAT: Final = 2

T = TypeVar("T")

WAITS: Final = Verdict(Decision(False, "sequence", math.inf))
"""On a frame that waits for others of its sequence."""


@dataclass(frozen=True, slots=True)
class _Known:
    """See `streamsel.rules.frame_rules.Known`."""

    marks: tuple[Mark, ...]
    signals: Mapping[str, Value]
    box: Box | None = None


class Lane:
    """rules, decider, sequences and objects: fresh, of this lane alone; without the last two each frame is a row.
    identity: of selection, goal and model; state of another one is refused. What follows its first space is the model's
    name. kin: other identities whose state is gone on with. parting: whether its goal is one of earlier on, by which
    its open window is to end now.

    position: offset of the record to read next, None before the first. inside: how many frames of that record have
    been taken already, where it holds several. called: what errors call it, by default by its partition. anew: what
    they advise whoever wants to begin with new state.
    """

    def __init__(
        self,
        partition: int,
        rules: FrameRules,
        decider: Decider,
        *,
        sequences: Sequences | None = None,
        objects: Objects | None = None,
        identity: str = "",
        kin: Collection[str] = (),
        parting: bool = False,
        called: str = "",
        anew: str = "name another state topic and group",
    ) -> None:
        self.partition, self.identity, self._kin, self.parting = partition, identity, kin, parting
        self._called, self._anew = called or f"partition {partition}", anew
        self.position: int | None = None
        self.inside = 0
        self._faulty = False
        """Whether a frame of the record at hand was unusable."""
        self._rules, self._entrance, self._decider = rules, rules.entrance, decider
        self._sequences, self._objects = sequences, objects
        self._entries = Entries()

    def __len__(self) -> int:
        """Picks so far."""
        return len(self._decider)

    @property
    def looked(self) -> int:
        """Frames, sequences or objects so far, but for those that could not be used: what a target ratio counts."""
        return self._objects.looked if self._objects else self._entrance.seen

    @property
    def incomplete(self) -> int:
        """Frames whose sequence stays incomplete, since this lane was made."""
        return self._sequences.incomplete if self._sequences else 0

    @property
    def open(self) -> Open | None:
        """The window of time at whose end is chosen, if one is open."""
        return self._decider.open

    def awaits(self, offset: int, part: int = 0) -> bool:
        """Whether this frame has not been taken yet."""
        return (offset, part) >= (self.position or 0, self.inside)

    def skip(self, offset: int) -> None:
        """A record is done with, and nothing more comes of it, also where some of its frames were taken."""
        if offset >= (self.position or 0):
            self.position, self.inside = offset + 1, 0
            if self._sequences:
                self._sequences.end(offset)

    def take(self, rows: Sequence[Taken]) -> list[Verdict]:
        """Verdicts on frames; see `settle`."""
        return list(self.settle(rows).verdicts)

    def settle(self, rows: Sequence[Taken | BrokenOff], breathe: Callable[[], None] = silent) -> Settled:
        """What came of frames in the order of their records, of all of them: `enter` and `decide` in one. Records that
        broke off are done with in their turn.

        Where objects are selected, a frame's verdict is the one on its best object. breathe: see `Decider`. Raises
        ValueError for one that was taken before, DiskError where files of a user cannot be read: throw the lane away
        then.
        """
        entered = self.enter(rows, breathe)
        settled = self.decide([row for row in entered if isinstance(row, Entered)], breathe)
        decided = iter(settled.verdicts)
        verdicts = [next(decided) if isinstance(row, Entered) else row for row in entered]
        return replace(settled, verdicts=of_frames(entered, verdicts) if self._objects else verdicts)

    def enter(self, rows: Sequence[Taken | BrokenOff], breathe: Callable[[], None] = silent) -> list[Entered | Verdict]:
        """Each frame as it entered, or why it was turned away; of a frame one after the other its objects, where these
        are selected. Raises as `settle` does."""
        if self._objects:
            return self._objects.entered(list(self._each(rows, self._objects.cut, breathe)), breathe)
        return list(self._each(rows, self._whole, breathe))

    def decide(self, rows: Sequence[Entered], breathe: Callable[[], None] = silent) -> Settled:
        """What came of what entered: all of it, in order. breathe: see `Decider`."""
        settled = self._decider.decide(rows, breathe)
        if self._objects:
            self._objects.settle(settled.verdicts)
        return self._kept(settled)

    def end(self, now: float, breathe: Callable[[], None] = silent) -> Settled:
        """Choose among what is open: no frame came that ended it, and its time is over. now: UTC seconds since 1970."""
        return self._kept(self._decider.end(now, breathe))

    def _kept(self, settled: Settled) -> Settled:
        return self._sequences.keeping(settled) if self._sequences else settled

    def _each(
        self, rows: Sequence[Taken | BrokenOff], made: Callable[[Taken, Found], T], breathe: Callable[[], None]
    ) -> Iterator[T | Verdict]:
        for row in rows:
            if isinstance(row, BrokenOff):
                self.skip(row.offset)
            else:
                yield self._enter(row, made, breathe)
                breathe()

    def _enter(self, row: Taken, made: Callable[[Taken, Found], T], breathe: Callable[[], None]) -> T | Verdict:
        """What is made of a frame, or of what it completes, or why it was turned away."""
        self._step(row)
        if row.anew and self._sequences:
            self._sequences.broke(row.frame.mark.source)
        self._entrance.seen += row.held
        try:
            with self._rules.carrying(row.predictions):  # what cannot be read is told before anything is counted
                found = self._found(row, breathe)
        except DiskError:
            raise
        except (UsageError, SourceError) as error:
            self._entrance.inspection.begin()
            again, self._faulty = self._faulty, True
            return Verdict(Decision(False, "unusable", math.inf), unusable=str(error), again=again)
        finally:
            if self._sequences and row.alone and row.last:
                self._sequences.end(row.offset)
        if found is None:
            return WAITS
        (reason,) = self._entrance.reasons([found.window])
        return made(row, found) if not reason else Verdict(Decision(False, reason, math.inf), signals=found.signals)

    def _found(self, row: Taken, breathe: Callable[[], None]) -> Found | None:
        """What is to be decided on now: a frame, its objects, or the sequence that it completes."""
        (window,) = self._entrance.measured(iter([(row.frame,)]))
        frame = self._bare(window[0])
        if self._objects:
            return self._objects.found(frame)
        objects = self._rules.objects.vectors([window], breathe) if self._rules.objects else ()
        found: Found | None = Found((frame,), row.vector, objects)
        if self._sequences:
            found = gathered(self._entrance, self._sequences, frame, row)
        if found is not None:
            self._batch(found)
            self._decider.check(found.vector)
        return found

    def _whole(self, row: Taken, found: Found) -> Entered:
        number = self._entrance.seen - 1
        worth = self._entrance.admit([found.window])
        batch, marks = self._batch(found), self._marks(found)
        value = 0.0 if worth is None else float(worth[0])
        known = row.place, marks, found.signals, batch, found.vector, number, row.when, value
        return Entered(*known, sequence=found.sequence, objects=found.objects[0] if found.objects else {})

    def _step(self, row: Taken) -> None:
        if not self.awaits(*row.place):
            raise ValueError(f"frame {row.part} of offset {row.offset} was taken before: next is {self.position}")
        self._faulty = self._faulty and row.part > 0
        self.position, self.inside = (row.offset + 1, 0) if row.last else (row.offset, row.part + 1)

    def _bare(self, frame: Frame) -> Frame:
        """The frame without what it carries and nothing reads: totals would remember every name that ever came."""
        read = self._entrance.columns
        return replace(frame, signals={name: value for name, value in frame.signals.items() if name in read})

    def _marks(self, found: Found) -> tuple[Mark, ...]:
        return self._entrance.telling([frame.mark for frame in found.window])

    def _batch(self, found: Found) -> Batch:
        known = _Known(self._marks(found), found.window[0].signals)
        return self._rules.batch([known], found.vector[None], found.objects)

    def entries(self) -> dict[bytes, bytes | None]:
        """What changed of the whole state since the last call, or since it was restored; None: gone."""
        facts = {"format": FORMAT, "identity": self.identity, "position": self.position, "inside": self.inside}
        facts["faulty"] = self._faulty and self.inside > 0
        changed = self._entries.changed(*self._state(), self._decider.forgotten)
        gathered = self._sequences.told() if self._sequences else {}
        return {FACTS: json.dumps(facts).encode(), **changed, **gathered, **self._decider.told()}

    def _state(self) -> tuple[Arrays, Mapping[str, Rows]]:
        """All arrays by name, and apart from them those whose rows come and go."""
        counted = {**self._entrance.state(), **self._entrance.totals.state()}
        entrance = {f"entrance/{key}": array for key, array in counted.items()}
        inspection = {f"inspection/{key}": array for key, array in self._entrance.inspection.state().items()}
        held, grown = self._decider.state()
        return {**entrance, **inspection, **(self._objects.state() if self._objects else {}), **held}, grown

    @classmethod
    def restored(cls, make: Callable[[], Self], entries: Mapping[bytes, bytes]) -> Self:
        """A lane as `make` makes it, with the state of the latest value of every entry; fresh where there are none.

        Raises StateError for state that is damaged, or that another selection or model made.
        """
        lane = make()
        if entries:
            lane._restore(entries)
        return lane

    def refusal(self, facts: bytes) -> str:
        """Why state whose entry `FACTS` this is would be refused; empty: it would not."""
        try:
            self._place(facts)
        except StateError as error:
            return str(error)
        return ""

    def _restore(self, entries: Mapping[bytes, bytes]) -> None:
        self.position, self.inside, self._faulty = self._place(entries.get(FACTS))
        documents = {key: value for key, value in entries.items() if key.startswith(b"#") and key != FACTS}
        gathered = {key: documents.pop(key) for key in entries if key.startswith((FRAMES, STREAMS))}
        kept = {key: value for key, value in entries.items() if not key.startswith(b"#")}
        arrays = arrays_of(kept)
        try:
            self._entrance.restore(under("entrance", arrays))
            self._entrance.totals.restore(under("entrance", arrays))
            self._entrance.inspection.restore(under("inspection", arrays))
            self._decider.restore(arrays, documents)
            if self._sequences:
                self._sequences.restore(gathered)
            if self._objects:
                self._objects.restore(under(OBJECTS, arrays))
        except (KeyError, ValueError, TypeError) as error:
            raise StateError(f"{self._called}: saved state is damaged ({error})") from error
        self._entries = Entries(kept)

    def _place(self, facts: bytes | None) -> tuple[int | None, int, bool]:
        try:
            told = json.loads(facts or b"")
            position, inside, form, identity = (told[key] for key in ("position", "inside", "format", "identity"))
        except (ValueError, TypeError, KeyError) as error:
            raise StateError(f"{self._called}: saved state does not say where it stands") from error
        if form != FORMAT or identity not in (self.identity, *self._kin):
            raise StateError(
                f"{self._called}: the saved state is of {_differs(str(identity), self.identity)}; "
                f"go back to that, or {self._anew} to start anew"
            )
        return position, inside, bool(told.get("faulty"))


def _differs(saved: str, own: str) -> str:
    """What is told of two identities: their models, where these differ."""
    theirs, ours = saved.partition(" ")[2], own.partition(" ")[2]
    return f"model {theirs}, and this is {ours}" if theirs != ours else "another selection, goal, query set or version"
