"""How each source stands: written by its thread and by the loop, read by the status page and the log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from streamsel.lanes.deciding import Open

__all__ = ["Standing", "State", "Tally"]

State = Literal["starting", "connecting", "live", "waiting", "resting", "ended"]
"""connecting: trying to open it. live: frames come (of a folder: segments are read). waiting: until the next try, or
for the next segment. resting: outside of its hours. ended: a pipe that was closed."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a source's state holds: frames looked at, or sequences or objects where these are picked, and picks of them.

    Over all processes, as of one commit: whoever reads it has both of the same moment.
    """

    looked: int = 0
    picks: int = 0


@dataclass(slots=True)
class Standing:
    """Plain counts, each of which one thread alone writes. frames: looked at, of which `held` were surely not new, and
    went no further. rate: frames looked at a second, lately. last: UTC seconds of the latest frame since 1970, 0 before
    it. thinned: 1, or n where only each n-th frame is looked at, since the machine is too slow. away: whether some of a
    folder cannot be listed. problems: reason -> count, of what was wrong with the stream. window: that is open.
    incomplete: frames whose sequence stayed incomplete. decided: as of the latest commit.
    clips: that were written, of which clips_short lack something at an end; clips_given_up: that could not be made, or
    not written.
    """

    name: str
    state: State = "starting"
    trouble: str = ""
    connects: int = 0
    losses: int = 0
    segments: int = 0
    frames: int = 0
    held: int = 0
    dropped: int = 0
    thinned: int = 1
    picks: int = 0
    incomplete: int = 0
    clips: int = 0
    clips_short: int = 0
    clips_given_up: int = 0
    away: bool = False
    rate: float = 0.0
    last: float = 0.0
    window: Open | None = None
    decided: Tally = Tally()
    problems: Counter[str] = field(default_factory=Counter)
