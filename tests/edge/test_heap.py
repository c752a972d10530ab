"""Memory that is free goes back to the system."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent

PROGRAM = dedent(
    """
    import itertools
    from pathlib import Path

    import numpy as np

    from streamsel.edge.heap import EVERY, Heap

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    times = itertools.count(0, EVERY)
    heap = Heap(lambda: next(times))
    blocks = [np.ones(12_500) for _ in range(1_000)]  # 100 kB each: below what is mapped on its own
    last = blocks[-1]
    full = resident()
    del blocks[:]
    held = resident()
    heap()
    print(full, held, resident())
    """
)


def test_what_lies_below_something_that_is_used_goes_back() -> None:
    """In a process of its own: what this one did before must not matter. glibc alone would keep it."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env={**os.environ}
    )
    full, held, trimmed = map(int, ran.stdout.split())
    assert held > full - 20_000_000, "nothing would be seen here"
    assert trimmed < full - 80_000_000
