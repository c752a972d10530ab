"""A decider that chooses the best of each window of time when the window ends.

Windows lie side by side on the clock of UTC: one of an hour begins with the hour. While one is open, each frame is
offered to a bounded set of candidates; when a frame of a later one comes, or the clock on the wall says so, the
budget's driver chooses among them, and the picks of earlier windows count as picked already. A frame that is older
than the open window counts to it. All of it goes by the times of the frames, so any cut into batches gives the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from streamsel.config.window import Window
from streamsel.data import Decision, Vector
from streamsel.errors import UsageError
from streamsel.grid import to_grid
from streamsel.lanes.at_once import OF_WINDOWS, TIMES, picks_of
from streamsel.lanes.breath import silent
from streamsel.lanes.candidates import GIVEN_UP, Candidates, capacity_of, picks_at
from streamsel.lanes.deciding import Arrays, Documents, Entered, Key, Open, Place, Settled, Span, Verdict, under
from streamsel.lanes.earlier import Earlier
from streamsel.lanes.known_rows import KnownRow
from streamsel.lanes.state_entries import Rows, arrays_of
from streamsel.rules.frame_rules import FrameRules
from streamsel.rules.material import VECTORS
from streamsel.rules.totals import Totals
from streamsel.selection.budget.best import Best, Rules
from streamsel.selection.budget.diversity import Diversity
from streamsel.selection.budget.greedy import Goal
from streamsel.selection.budget.nearest import Nearest
from streamsel.selection.columns import Batch, Vectors

__all__ = ["WAITS", "ByWindow", "MakeRules", "WindowGoal", "left_open"]

MakeRules = Callable[[Totals], Callable[[Batch], Rules]]
"""Totals of all that a window showed -> what makes the budget's rules of a table of its candidates."""

TICKS: Final = 1_000_000
"""Windows are counted in microseconds, as times of frames are: whole numbers have no edges that blur."""

MINUTE: Final = 60.0

CAPACITY: Final = "candidates/coreset/capacity"
GOAL: Final = "window/goal"
"""The array of a lane's state that says how many picks of how many seconds; earlier versions had none."""

WAITS: Final = "window"
"""The reason that is told of a frame before its window ends."""


@dataclass(frozen=True, slots=True)
class WindowGoal:
    """So many picks of each window, 1 or more; its length in seconds, above 0."""

    picks: int
    seconds: float

    @classmethod
    def of(cls, window: Window) -> Self:
        """As a pipeline wants it; picks must be given."""
        return cls(window.picks or 1, window.minutes * MINUTE)

    def span(self, when: float) -> Span:
        """The window that a time falls into."""
        length = round(self.seconds * TICKS)
        number = round(when * TICKS) // length
        return Span(number * length / TICKS, (number + 1) * length / TICKS)


def left_open(entries: Mapping[bytes, bytes]) -> WindowGoal | None:
    """What is to be picked of the window that is open in the state of a lane; None: none is. Raises StateError."""
    own = {key: value for key, value in entries.items() if key.startswith((b"window/", CAPACITY.encode()))}
    arrays = {} if GIVEN_UP in entries else arrays_of(own)
    span = arrays["window/span"].tolist() if "window/span" in arrays else []
    if not span:
        return None
    picks, seconds = arrays[GOAL].tolist() if GOAL in arrays else (picks_at(int(arrays[CAPACITY])), span[1] - span[0])
    return WindowGoal(int(picks), seconds)


class ByWindow:
    """A Decider. rules: of its lane. made: the budget's rules. earlier: picks, none yet. dim: of vectors."""

    def __init__(self, rules: FrameRules, made: MakeRules, goal: WindowGoal, earlier: Earlier, dim: int) -> None:
        self._rules, self._made, self._goal, self._earlier, self._dim = rules, made, goal, earlier, dim
        self._span: Span | None = None
        self._ended = self._latest = -math.inf
        """Until when windows are over: later ones begin there; and the time of the latest frame of the open one."""
        self._candidates = self._anew(0)
        self._documents: frozenset[bytes] = frozenset()
        """Those of candidates that were told."""

    def __len__(self) -> int:
        return len(self._earlier)

    @property
    def open(self) -> Open | None:
        """See `Decider`."""
        return Open(self._span, len(self._candidates), max(self._latest, self._span.begin)) if self._span else None

    def check(self, vector: Vector) -> None:
        """See `Decider`: the coreset takes vectors of unit norm."""
        to_grid(vector[None])

    def decide(self, rows: Sequence[Entered], breathe: Callable[[], None] = silent) -> Settled:
        """See `Decider`."""
        before, chosen = self._candidates.pictures, _Chosen()
        start = 0
        for place, row in enumerate(rows):
            if self._span and row.when >= self._span.end:
                self._candidates.offer(rows[start:place])
                start = place
                self._choose(chosen, breathe)
            self._span = self._span or self._goal.span(max(row.when, self._ended))
            self._latest = max(self._latest, row.when)
        self._candidates.offer(rows[start:])
        waiting = [Verdict(Decision(False, WAITS, math.inf), signals=row.signals) for row in rows]
        return self._settled(waiting, before, chosen)

    def end(self, now: float, breathe: Callable[[], None] = silent) -> Settled:
        """See `Decider`. Where the clock was set back behind the window, the next one begins where it is now."""
        before, chosen = self._candidates.pictures, _Chosen()
        if self._span:
            back = now < self._span.begin
            self._choose(chosen, breathe)
            self._ended = -math.inf if back else self._ended
        return self._settled([], before, chosen)

    def _settled(self, verdicts: Sequence[Verdict], before: Sequence[Key], chosen: _Chosen) -> Settled:
        now = self._candidates.pictures
        were, are = set(before), set(now)
        kept, released = [one for one in now if one not in were], [one for one in before if one not in are]
        return Settled(verdicts, chosen.picks, kept, released, chosen.troubles, chosen.ended)

    def _anew(self, expected: int) -> Candidates:
        return Candidates(capacity_of(self._goal.picks), self._dim, expected)

    def _choose(self, chosen: _Chosen, breathe: Callable[[], None]) -> None:
        """The open window ends."""
        opened = self.open
        assert opened
        span, candidates = opened.span, self._candidates
        chosen.ended.append(opened)
        rows, vectors = candidates.members()
        self._earlier.forget(span.end)
        choice = _Choice(rows, vectors, *self._earlier.counting(rows, vectors, breathe), breathe)
        try:
            table, before = (self._table(*part) for part in ((rows, vectors), (choice.known, choice.picked)))
            order, decisions = choice.among(self._made(candidates.totals), before, table, self._goal.picks)
        except UsageError as error:
            # Nothing in this window is as the selection wants it: its frames are not lost for that.
            chosen.troubles.append(str(error))
            order, decisions = choice.by_distance(self._goal.picks)
        for rank, row in enumerate(order):
            decision = choice.told(decisions[row], len(self._earlier) - rank)
            one, verdict = rows[row], Verdict(decision, len(self._earlier), rows[row].signals, window=span, order=rank)
            chosen.picks.append((one.place, replace(verdict, sequence=one.sequence, box=one.box)))
            self._earlier.add(one, vectors[row], span.end)
        self._span, self._ended, self._latest = None, span.end, -math.inf
        self._candidates = self._anew(candidates.seen)

    def _table(self, rows: Sequence[KnownRow], vectors: Vector) -> Batch:
        return self._rules.batch(rows, vectors, [row.objects for row in rows], totals=self._candidates.totals)

    def state(self) -> tuple[Arrays, Mapping[str, Rows]]:
        """See `Decider`."""
        span = [self._span.begin, self._span.end] if self._span else []
        goal = np.array([self._goal.picks, self._goal.seconds], np.float64)
        own = {"window/span": np.array(span, np.float64), OF_WINDOWS: np.array(self._ended), GOAL: goal}
        candidates = {f"candidates/{key}": array for key, array in self._candidates.state().items()}
        return {**own, **candidates, **{f"earlier/{key}": one for key, one in self._earlier.state().items()}}, {}

    @property
    def forgotten(self) -> Mapping[str, int]:
        """See `Decider`; no array is told by rows."""
        return {}

    def told(self) -> Mapping[bytes, bytes | None]:
        """See `Decider`: of candidates, and of picks."""
        before, self._documents = self._documents, self._candidates.keys
        gone = dict.fromkeys(before - self._documents)
        return {**gone, **self._candidates.documents(before), **self._earlier.told()}

    def restore(self, arrays: Arrays, documents: Documents) -> None:
        """See `Decider`. A window that was given up, see `GIVEN_UP`, is not open any more. Where frames were decided as
        they came until now, picks of then count as picked."""
        if OF_WINDOWS not in arrays:
            self._earlier.adopt(*picks_of(arrays), under(TIMES, arrays))
            return
        given_up = GIVEN_UP in documents
        span = arrays["window/span"].tolist()
        self._span, self._ended = Span(*span) if span and not given_up else None, float(arrays[OF_WINDOWS])
        if not given_up:
            self._candidates = Candidates.restored(self._dim, under("candidates", arrays), documents)
            self._latest = self._candidates.latest
        self._earlier.restore(under("earlier", arrays), documents)
        self._documents = self._candidates.keys | ({GIVEN_UP} & documents.keys())


class _Chosen:
    """What was chosen since."""

    def __init__(self) -> None:
        self.ended: list[Open] = []
        self.picks: list[tuple[Place, Verdict]] = []
        self.troubles: list[str] = []


@dataclass(frozen=True, slots=True)
class _Choice:
    """Candidates, and the earlier picks that count: their ordinals, what is known of them, and their vectors; breathe:
    see `Decider`."""

    rows: Sequence[KnownRow]
    vectors: Vector
    ordinals: Sequence[int]
    known: Sequence[KnownRow]
    picked: Vector
    breathe: Callable[[], None]

    def among(
        self, rules: Callable[[Batch], Rules], before: Batch, table: Batch, picks: int
    ) -> tuple[list[int], list[Decision]]:
        """Places of the picks in the order picked, and a decision on each row."""
        best = Best(rules, before=before, breathe=self.breathe)
        best.offer(table)
        return best.finish(picks)

    def by_distance(self, picks: int) -> tuple[list[int], list[Decision]]:
        """As `among`, whatever is known of the rows beside their vectors."""
        before = Batch({VECTORS: Vectors(self.picked)}, len(self.picked))
        table = Batch({VECTORS: Vectors(self.vectors)}, len(self.vectors))
        return self.among(lambda rows: Rules([Goal(Diversity(Nearest(rows[VECTORS])))]), before, table, picks)

    def told(self, decision: Decision, first: int) -> Decision:
        """A decision with the ordinal of its nearest pick among all of the lane. first: of the picks of this choice."""
        if decision.nearest < 0:
            return decision
        own = decision.nearest - len(self.ordinals)
        return replace(decision, nearest=first + own if own >= 0 else self.ordinals[decision.nearest])
