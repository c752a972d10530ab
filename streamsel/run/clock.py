"""The clock of a live source: a camera that is connected to anew begins its times anew, and the day goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from streamsel.data import Frame
from streamsel.rules.material import TIME

__all__ = ["clocked"]


def clocked(frames: Iterator[Frame], now: Callable[[], float] = time.time) -> Iterator[Frame]:
    """The frames of one connection, each with its TIME among its signals, in seconds since 1970.

    That is the time `now` at which the first one came, and as much later as the stream's own times say.
    """
    begun: float | None = None
    for frame in frames:
        if begun is None:
            begun = now() - frame.mark.time
        yield replace(frame, signals={**frame.signals, TIME: begun + frame.mark.time})
