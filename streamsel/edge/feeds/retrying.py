"""How long it is waited until a source is tried again: ever longer, and anew once it was there for a while."""

from __future__ import annotations

from typing import Final

from streamsel.daemon.pauses import pauses

__all__ = ["Retrying"]

SHORTEST: Final = 1.0
LONGEST: Final = 60.0
"""Seconds of the first pause, and of those after many tries in vain; half of that, or anything between, by chance."""

LIVED: Final = 10.0
"""Seconds after which a connection was a good one: a camera that hangs up after each frame is not run down."""


class Retrying:
    """Pauses between the tries of one source; they never end."""

    def __init__(self) -> None:
        self._pauses = pauses(SHORTEST, LONGEST)

    def lost(self, lived: float) -> float:
        """Seconds until the next try. lived: for so many seconds frames came of the connection that was lost."""
        if lived >= LIVED:
            self._pauses = pauses(SHORTEST, LONGEST)
        return next(self._pauses)
