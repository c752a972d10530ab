"""Bytes that another program writes into a pipe, for libav to read: it cannot itself give up waiting for them."""

from __future__ import annotations

import os
import select
import time
from typing import Final

__all__ = ["STANDARD_INPUT", "Pipe"]

STANDARD_INPUT: Final = "-"
"""The location that means standard input."""

LONGEST: Final = 3600.0
"""Seconds that are waited at once: the system takes no endless number."""


class Pipe:
    """Reads a file descriptor, and ends where nothing comes for too long. Not seekable; closing it is not its task.

    ended: whether the other side has closed it. silent: whether the time was over before.
    """

    def __init__(self, handle: int, seconds: float) -> None:
        self.ended = self.silent = False
        self._handle = handle
        self._ready = select.poll()
        self._ready.register(handle, select.POLLIN)
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """From now on, wait so long for all that is read until this is called again; `math.inf`: for ever."""
        self._until = time.monotonic() + seconds

    def read(self, size: int) -> bytes:
        """What there is, up to `size` bytes; nothing where it has ended or was silent for too long."""
        while not self._ready.poll(min(max(0.0, self._until - time.monotonic()), LONGEST) * 1000):
            if time.monotonic() >= self._until:
                self.silent = True
                return b""
        try:
            data = os.read(self._handle, size)
        except OSError:  # not open at all
            data = b""
        self.ended = not data
        return data
