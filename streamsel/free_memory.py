"""What a process holds and does not use goes back to the system: glibc keeps it else, a heap for each thread."""

from __future__ import annotations

import ctypes

__all__ = ["give_back"]


def give_back() -> None:
    """Return what is free, in all heaps: some milliseconds. Other C libraries than glibc are left alone."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
