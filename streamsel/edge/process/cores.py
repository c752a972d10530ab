"""Keeps a process to so many cores of the CPU, whatever threads its libraries begin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["cores"]


@contextmanager
def cores(most: int | None) -> Iterator[None]:
    """Within, and in threads begun within, this process runs on `most` of its cores; None: on all.

    Where the system cannot say so (sched_setaffinity(2) is Linux'), only the numbers of threads are kept.
    """
    if most is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    begin = os.getpid() % len(allowed)  # several daemons on one machine do not all choose the same
    order = sorted(allowed)
    os.sched_setaffinity(0, (order[begin:] + order[:begin])[:most])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
