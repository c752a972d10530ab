"""Work spread over all cores in blocks, beside a linear algebra library that is held to one thread.

Numpy lets go of the interpreter inside its products and loops, so plain threads over blocks of rows keep every core
busy, in the element-wise steps too, which the threads of a BLAS library do not touch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from threadpoolctl import threadpool_limits

__all__ = ["CORES", "one_blas_thread", "over_cores"]

CORES: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Cores that this process may use."""

Block = TypeVar("Block")


def one_blas_thread() -> AbstractContextManager[Any]:
    """While open, matrix products use one thread each: the blocks of `over_cores` are the parallel part."""
    limits: AbstractContextManager[Any] = threadpool_limits(1, "blas")
    return limits


def over_cores(work: Callable[[Block], None], blocks: Sequence[Block], *, threads: bool = True) -> None:
    """Do `work` for every block, on all cores unless threads cost more than they save; raises what `work` raises."""
    if not threads or len(blocks) < 2 or CORES < 2:
        for block in blocks:
            work(block)
        return
    with ThreadPoolExecutor(min(CORES, len(blocks))) as pool:
        for _ in pool.map(work, blocks):
            pass
