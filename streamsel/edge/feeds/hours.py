"""The hours of the day in which a source is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

__all__ = ["Hours"]

DAY: Final = 24 * 60
MINUTE: Final = timedelta(minutes=1)
MOST_AHEAD: Final = 3 * DAY
"""Minutes that are searched for the next opening: hours that a change to summer time leaves out come a day later."""


class Hours:
    """Spans of the day, local time: `07:30-18:00`, over midnight `22:00-06:00`, to its end `08:00-24:00`.

    The first minute belongs to a span, the last one does not; equal ones mean the whole day. None: always open.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._spans = [(_minute(begin), _minute(end)) for begin, end in (text.split("-") for text in texts)]

    def open_at(self, when: datetime) -> bool:
        """Whether a moment lies within. A `when` without time zone is local time."""
        local = when.astimezone()
        minute = local.hour * 60 + local.minute
        return not self._spans or any((minute - begin) % DAY < _length(begin, end) for begin, end in self._spans)

    def until_open(self, when: datetime) -> float:
        """Seconds from then until it is open, 0 where it is; right also on days on which summer time begins or ends."""
        if self.open_at(when):
            return 0.0
        into = timedelta(seconds=when.second, microseconds=when.microsecond)
        began = when.astimezone() - into  # its zone is a fixed one now: what is added is real time
        ahead = (MINUTE * count for count in range(1, MOST_AHEAD))
        return next((later - into).total_seconds() for later in ahead if self.open_at(began + later))


def _minute(text: str) -> int:
    """Minutes since midnight of `HH:MM`."""
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _length(begin: int, end: int) -> int:
    """Minutes of a span, 1 to a whole day."""
    return (end - begin) % DAY or DAY
