"""Where a gain of any sign and unit stands among the last ones, in the terms of the rate controller.

`Rate` compares gains with the largest one met. A sum of several strategies' gains has no largest, and may be negative.
So it is given the row's rank instead: with q the share of recent rows that gain at least as much, (q0 / q)^SLOPE of
LARGEST, where q0 is the smallest q there can be.
"""

from __future__ import annotations

from typing import Final, Self

from streamsel.selection import State
from streamsel.selection.stream.rate import LARGEST
from streamsel.selection.stream.recent import RECENT, Recent

__all__ = ["Standing", "level_of"]

SLOPE: Final = 0.5
"""How steeply gains fall with the rank: the controller's level moves in powers, and should reach any rank soon."""


def level_of(share: float) -> float:
    """What a row gains, as a share of the largest gain, that this share of rows, above 0, gains at least as much as."""
    return float(min(1.0, (1 / RECENT / share) ** SLOPE))


class Standing:
    """Remembers the last gains of rows that could be kept."""

    def __init__(self) -> None:
        self._recent = Recent()

    def of(self, gain: float) -> float:
        """The gain in the rate controller's terms, above 0 and at most LARGEST; changes nothing."""
        return LARGEST * level_of(self._recent.rank(gain))

    def see(self, gain: float) -> None:
        """A row of this gain was decided on."""
        self._recent.push(gain)

    def state(self) -> State:
        """One array, `standing`."""
        return {"standing": self._recent.state()}

    def restore(self, state: State) -> Self:
        """Become what `state` came from."""
        self._recent.restore(state["standing"])
        return self
