"""The scout of live sources: a frame that is surely not new goes no further, and costs neither the model nor the queue.

It is the gate of stream mode (`streamsel.embed.gate`), asked in the source's thread and told by the loop what became of
what it let through. Its memory is no part of the state: what a camera showed is never looked at twice, so nobody could
tell. Folders have none: what is picked of them must not depend on when the program was stopped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from streamsel.config import EdgeConfig
from streamsel.config.edge_source import EdgeSource
from streamsel.data import Decision, Picture
from streamsel.edge import Glimpse
from streamsel.embed.gate import LOOK, Gate
from streamsel.embed.scout import describe
from streamsel.lanes.deciding import Place
from streamsel.rules.live import decided_by_distances

__all__ = ["Aim", "Glance", "enough"]

LONGEST: Final = 10.0
"""Seconds after which a frame is let through whatever it looks like: what was picked may have been forgotten."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What is kept: target_ratio, a share; None: what is new. room: see `streamsel.embed.gate.Gate.settle`."""

    target_ratio: float | None = None
    room: Callable[[Decision], float] | None = None


class Glance:
    """Of one source, over all its connections. clock: seconds, never going back."""

    def __init__(self, aim: Aim, clock: Callable[[], float] = time.monotonic) -> None:
        self._gate, self._clock, self._lock = Gate(target_ratio=aim.target_ratio), clock, threading.Lock()
        self._aim, self._held, self._dropped, self._last = aim, 0, 0, clock()

    def at(self, picture: Picture, dropped: int = 0) -> Glimpse | None:
        """What is to be told of a frame that may be new; None: it surely is not.

        dropped: frames of the source, ever, that were let through and not judged: like those it may still be new.
        """
        described = describe(picture.i420()[None])
        with self._lock:
            if dropped != self._dropped:
                self._dropped = dropped
                self._gate.forget()
            number = self._gate.seen
            now = self._clock()
            if self._gate.offer(described)[0] != LOOK and now - self._last < LONGEST:
                self._held += 1
                return None
            held, self._held, self._last = self._held, 0, now
            return Glimpse(number, held)

    def settle(self, decided: Mapping[Place, Decision], glimpses: Mapping[Place, Glimpse]) -> None:
        """What became of frames that were let through, by their places."""
        with self._lock:
            if self._aim.room is not None and not self._aim.target_ratio:
                rooms = {glimpses[place].number: self._aim.room(one) for place, one in decided.items()}
                self._gate.settle(list(rooms), list(rooms.values()))

    def aim(self, aim: Aim) -> None:
        """From now on something else is kept."""
        with self._lock:
            self._aim, self._gate.target_ratio = aim, aim.target_ratio


def enough(config: EdgeConfig, source: EdgeSource) -> bool:
    """Whether a glance is enough to hold a frame of a source: where nothing but distances of single whole pictures
    decides, at once, and nobody wants all frames to be judged."""
    rules, worker = config.rules, config.rules.worker
    single = worker.selected_sequence_length == 1 and not worker.object_level.task_name
    alone = single and decided_by_distances(rules) and not worker.remove_exact_duplicates
    bare = config.window_of(source) is None and config.lightly is None and alone
    return source.live and config.effort == "normal" and bare
