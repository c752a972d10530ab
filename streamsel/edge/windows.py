"""Windows of time that the clock on the wall ends, since no frame does; and what is shown of those that are open."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from streamsel.config.edge_source import EdgeSource
from streamsel.edge.inbox import Inbox
from streamsel.edge.standing import Standing
from streamsel.service.deciding import Open
from streamsel.service.lane import Lane

__all__ = ["Windows"]

LATE: Final = 5.0
"""Seconds that a camera's frames get to arrive after the end of a window, or its length where that is less."""


class Windows:
    """sources: as in the config, with their standings. inbox: what waits of a source belongs to its open window.

    now: UTC seconds since 1970.
    """

    def __init__(
        self,
        sources: Sequence[EdgeSource],
        standings: Sequence[Standing],
        inbox: Inbox,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._sources, self._standings, self._inbox, self.now = sources, standings, inbox, now

    def over(self, lanes: Sequence[Lane], busy: Collection[int]) -> list[int]:
        """Places of the sources whose open window is over, though no frame of theirs came. busy: others, of which some
        came."""
        opened = [(place, lane.open) for place, lane in enumerate(lanes) if place not in busy]
        return [place for place, one in opened if one and self._over(place, one) and not self._inbox.share(place)]

    def _over(self, place: int, one: Open) -> bool:
        """Segments come late: a folder has read all that there is, and gets a window's length on top.

        A window that begins later than the next one would was opened before the clock was set back.
        """
        live, length, now = self._sources[place].live, one.span.end - one.span.begin, self.now()
        if not live and self._standings[place].state != "waiting":
            return False
        return now >= one.span.end + (min(LATE, length) if live else length) or now < one.span.begin - length

    def show(self, lanes: Sequence[Lane]) -> None:
        """What is open, for the status page."""
        for standing, lane in zip(self._standings, lanes, strict=True):
            standing.window = lane.open
