"""The process' heap, kept small: what frames leave behind goes back to the system.

glibc gives each thread a heap of its own, returns only what lies at a heap's end, and, once a large block was freed,
takes blocks of that size from heaps, too. A connection brings threads of its own, which take frames from there and are
gone; so a daemon whose camera hung up every four minutes grew by about 100 MB an hour, while Python held nothing more.
A queue that was full once, of pictures whose planes of colour lie in heaps, leaves these full of holes: from then on
what is in memory goes up and down by 10 to 20 MB between two times that they are trimmed.
Other C libraries are left alone.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Final

from streamsel.free_memory import give_back

__all__ = ["Heap"]

EVERY: Final = 30.0
"""Seconds between two times that free memory is returned: each takes some milliseconds."""

HEAPS: Final = 2
"""As many are shared by all threads, of which few take memory at the same time."""

LARGE: Final = 32 * 1024
"""Bytes from which on a block is mapped by itself, and goes back when it is freed: planes of pictures are larger, also
those of colour in 640 x 360, and a heap of nothing but small blocks has no large holes."""

M_TOP_PAD: Final = -2
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
"""Parameters of glibc's mallopt(3): what a heap grows by beyond what it needs, of which large blocks would be taken,
too; the least size that is mapped, for good once it is set; and the number of heaps."""


class Heap:
    """Bounds the number of heaps from now on; called often, it returns what is free now and then.

    clock: seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, clock()
        if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
            mallopt(M_ARENA_MAX, HEAPS)
            mallopt(M_MMAP_THRESHOLD, LARGE)
            mallopt(M_TOP_PAD, 0)

    def __call__(self) -> None:
        """Return what is free, where that was not done for a while."""
        if self._clock() - self._last >= EVERY:
            self.trim()

    def trim(self) -> None:
        """Return what is free, now."""
        self._last = self._clock()
        give_back()
