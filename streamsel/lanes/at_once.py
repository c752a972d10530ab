"""A decider that decides each frame as it comes, for good: the stream's driver, and what is forgotten of its picks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from streamsel.data import Vector
from streamsel.lanes.breath import silent
from streamsel.lanes.candidates import GIVEN_UP, HELD
from streamsel.lanes.deciding import Arrays, Documents, Entered, Settled, Verdict, under
from streamsel.lanes.earlier import EARLIER, Earlier
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.state_entries import Rows
from streamsel.rules.frame_rules import FrameRules
from streamsel.selection.columns import concatenate
from streamsel.selection.stream.onepass import OnePass

__all__ = ["OF_WINDOWS", "TIMES", "AtOnce", "picks_of"]

SELECTOR: Final = "selector"
TIMES: Final = "forgetting"
"""Under which names the arrays of the driver, and those of what is forgotten, are told."""
PICKS: Final = f"{SELECTOR}/picks"
OF_WINDOWS: Final = "window/ended"
"""An array that only the state of windows has."""
ENTERED: Final = "objects/entered"
"""How many rows there were, where these are not frames or sequences, of which all that were looked at count."""
WINDOWS: Final = (EARLIER, HELD, GIVEN_UP)
"""How the keys of documents begin that only windows have; others of the lane are none of a decider's business."""
_PICKS: Final = re.compile(r"^selector/[0-9]+/picks$")
"""What earlier versions called picks of which some were forgotten."""


def picks_of(arrays: Arrays) -> tuple[int, Vector]:
    """Of a state of frames that were decided as they came: how many picks are forgotten, and the vectors of the others.

    Raises KeyError where it has none.
    """
    return int(arrays.get(f"{SELECTOR}/forgotten", 0)), _named(arrays)[PICKS]


def _named(arrays: Arrays) -> Arrays:
    return {_PICKS.sub(PICKS, key): array for key, array in arrays.items()}


class AtOnce:
    """A Decider. rules: of its lane. selector: fresh. dim: of vectors. forgetting: of picks; None: all are known for
    good."""

    open: None = None
    """Nothing is left for the end of a window."""

    def __init__(self, rules: FrameRules, selector: OnePass, dim: int, forgetting: Forgetting | None = None) -> None:
        self._rules, self._selector, self._dim = rules, selector, dim
        self._forgetting = forgetting if selector.diversity else None
        self._gone: dict[bytes, bytes | None] = {}
        """Documents of windows that there were once."""

    def __len__(self) -> int:
        return len(self._selector)

    def check(self, vector: Vector) -> None:
        """Nothing more than what batches are checked for."""

    def decide(self, rows: Sequence[Entered], breathe: Callable[[], None] = silent) -> Settled:
        """Verdicts on rows, and what is to be forgotten between them; it takes no long breath."""
        verdicts = self._remembering(rows) if self._forgetting else self._judged(rows)
        picks = [(row.place, verdict) for row, verdict in zip(rows, verdicts, strict=True) if verdict]
        return Settled(verdicts, picks)

    def _remembering(self, rows: Sequence[Entered]) -> list[Verdict]:
        assert self._forgetting
        verdicts: list[Verdict] = []
        for run in self._forgetting.runs([row.when for row in rows]):
            self._selector.forget(self._forgetting.due(rows[run.start].when))
            verdicts += self._judged(rows[run])
            for row, verdict in zip(rows[run], verdicts[run], strict=True):
                if verdict:
                    self._forgetting.picked(row.when)
        return verdicts

    def _judged(self, rows: Sequence[Entered]) -> list[Verdict]:
        """Verdicts on rows; each counts for as many rows as were looked at since the one before."""
        if not rows:
            return []
        ordinal = len(self)
        looked = np.diff([row.number for row in rows], prepend=self._selector.looked - 1).tolist()
        verdicts = []
        for row, decision in zip(rows, self._selector.offer(concatenate([r.batch for r in rows]), looked), strict=True):
            number, sequence, box = (ordinal, row.sequence, row.box) if decision else (-1, None, None)
            verdicts.append(Verdict(decision, number, row.signals, sequence=sequence, box=box))
            ordinal += decision.keep
        return verdicts

    def end(self, now: float, breathe: Callable[[], None] = silent) -> Settled:
        """See `Decider`; nothing is open."""
        return Settled()

    def state(self) -> tuple[Arrays, Mapping[str, Rows]]:
        """See `Decider`: picks come and go."""
        held = {f"{SELECTOR}/{key}": array for key, array in self._selector.learned().items()}
        times = self._forgetting.state() if self._forgetting else {}
        grown = {f"{SELECTOR}/{key}": rows for key, rows in self._selector.grown().items()}
        return {**held, **{f"{TIMES}/{key}": array for key, array in times.items()}}, grown

    @property
    def forgotten(self) -> Mapping[str, int]:
        """See `Decider`."""
        return {PICKS: self._selector.forgotten}

    def told(self) -> Mapping[bytes, bytes | None]:
        """See `Decider`; there are none, but for those of windows, which go."""
        gone, self._gone = self._gone, {}
        return gone

    def restore(self, arrays: Arrays, documents: Documents) -> None:
        """See `Decider`. Where windows, or distances, decided until now, a ratio counts from here on."""
        if OF_WINDOWS in arrays:
            self._adopt(arrays, documents)
        else:
            held = under(SELECTOR, _named(arrays))
            if self._selector.rate and "rate" not in held:
                held |= self._selector.rate.begin(len(held.get("picks", ()))).state()
            self._selector.restore(held)
        if self._forgetting:
            self._forgetting.restore(under(TIMES, arrays) or under(f"earlier/{TIMES}", arrays))
            self._forgetting.adopt(len(self) - self._selector.forgotten)

    def _adopt(self, arrays: Arrays, documents: Documents) -> None:
        """Picks of windows count as picked, with all that is known of them."""
        earlier = Earlier(self._dim, tasks=self._rules.objects.tasks)
        earlier.restore(under("earlier", arrays), documents)
        rows, vectors = earlier.known()
        self._selector.know(self._rules.batch(rows, vectors, [row.objects for row in rows]))
        self._selector.forgotten = earlier.forgotten
        self._selector.looked = int(arrays.get(ENTERED, arrays["entrance/seen"]))
        if self._selector.rate:
            self._selector.rate.begin(len(self))
        self._gone = {key: None for key in documents if key.startswith(WINDOWS)}
