"""Windows of time that the clock on the wall ends, since no frame does; and what is shown of those that are open."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from streamsel.config.edge_source import EdgeSource
from streamsel.daemon.log_lines import say
from streamsel.edge import Seen
from streamsel.edge.inbox import Inbox
from streamsel.edge.standing import Standing, Tally
from streamsel.lanes.deciding import Open
from streamsel.lanes.lane import Lane

__all__ = ["Windows", "parting"]

LATE: Final = 5.0
"""Seconds that a camera's frames get to arrive after the end of a window, or its length where that is less."""


class Windows:
    """sources: as in the config, with their standings. inbox: what waits of a source belongs to its open window.

    now: UTC seconds since 1970. ticks: seconds that never jump.
    """

    def __init__(
        self,
        sources: Sequence[EdgeSource],
        standings: Sequence[Standing],
        inbox: Inbox,
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources, self._standings, self._inbox, self.now, self._ticks = sources, standings, inbox, now, ticks
        self._calm = [(0, ticks()) for _ in sources]
        """Of each source: how many frames it had given when it last did anything but wait, and when that was."""

    def behind(self, lanes: Sequence[Lane], seen: Sequence[Seen]) -> list[int]:
        """Places of the cameras whose open window the clock was set back behind, as the first of their frames at hand
        says, too: the window ends before these are decided. What was taken before the clock was set belongs to it."""
        first = {one.place: one.taken.timestamp() for one in reversed(seen)}
        opened = [(place, lanes[place].open) for place in sorted(first) if self._sources[place].live]
        return [place for place, one in opened if one and max(first[place], self.now()) < _too_early(one)]

    def over(self, lanes: Sequence[Lane], busy: Collection[int]) -> list[int]:
        """Places of the sources whose open window is over, though no frame of theirs came. busy: others, of which some
        came."""
        self._look(busy)
        opened = [(place, lane.open) for place, lane in enumerate(lanes) if place not in busy]
        return [place for place, one in opened if one and self._over(place, one) and not self._inbox.share(place)]

    def _over(self, place: int, one: Open) -> bool:
        """Segments come late, and after an outage one by one: nothing of a folder came for a window's length.

        A window that begins later than the next one would was opened before the clock was set back.
        """
        live, length, now = self._sources[place].live, one.span.end - one.span.begin, self.now()
        if not live and self._ticks() - self._calm[place][1] < length:
            return False
        return now >= one.span.end + (min(LATE, length) if live else length) or now < _too_early(one)

    def _look(self, busy: Collection[int]) -> None:
        """Which folders do anything but wait: give frames, are read, or are away."""
        for place, standing in enumerate(self._standings):
            frames = standing.frames
            waits = standing.state == "waiting" and not standing.away and place not in busy
            if not waits or frames != self._calm[place][0]:
                self._calm[place] = frames, self._ticks()

    def show(self, lanes: Sequence[Lane]) -> None:
        """What lanes hold that were just committed, or restored, for the status page."""
        for standing, lane in zip(self._standings, lanes, strict=True):
            standing.window = lane.open
            standing.decided = Tally(lane.looked, len(lane))


def parting(lanes: Sequence[Lane], names: Sequence[str]) -> list[int]:
    """Places of lanes whose open window ends now, since the file gives their source none any more; it is told."""
    places = [place for place, lane in enumerate(lanes) if lane.parting]
    for place in places:
        one = lanes[place].open
        held, reason = one.candidates if one else 0, "the file gives the source no window any more: it is chosen of now"
        say("window ends early", logging.WARNING, source=names[place], candidates=held, reason=reason)
    return places


def _too_early(one: Open) -> float:
    """A time before this one has nothing to do with a window, however late its frames come."""
    return one.span.begin - (one.span.end - one.span.begin)
