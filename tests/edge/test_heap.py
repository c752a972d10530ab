"""Memory that is free goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

PROGRAM = dedent(
    """
    import itertools
    from pathlib import Path

    import numpy as np

    from streamsel.edge.process.heap import EVERY, Heap

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    times = itertools.count(0, EVERY)
    heap = Heap(lambda: next(times))
    blocks = [np.ones(3_125) for _ in range(4_000)]  # 25 kB each: below what is mapped on its own
    last = blocks[-1]
    full = resident()
    del blocks[:]
    held = resident()
    heap()
    print(full, held, resident())
    """
)


PLANES = dedent(
    """
    from pathlib import Path

    import numpy as np

    from streamsel.edge.process.heap import Heap

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    heap = Heap()
    queue = [(np.ones(57_600, np.uint8), np.ones(600)) for _ in range(2_000)]  # of colour in 640 x 360; and small ones
    full = resident()
    queue = [small for _, small in queue]
    print(full, resident())
    """
)


def run(program: str) -> list[int]:
    """The numbers that it prints, in a process of its own: what this one did before must not matter."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [int(number) for number in done.stdout.split()]


def test_pictures_that_are_let_go_of_leave_nothing_between_what_stays() -> None:
    """At once, with nothing trimmed: where small blocks lie between them, a heap would keep all of it."""
    full, left = run(PLANES)
    assert left < full - 100_000_000


def test_what_lies_below_something_that_is_used_goes_back() -> None:
    """glibc alone would keep it."""
    full, held, trimmed = run(PROGRAM)
    assert held > full - 20_000_000, "nothing would be seen here"
    assert trimmed < full - 80_000_000
