"""Files whose bytes are made by a few threads while the caller goes on, and written by the caller, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

__all__ = ["Making"]

THREADS: Final = 2
MOST_BYTES: Final = 64 << 20
"""Of memory that work under way takes: two pictures of 1080p are made at once, but one of 4K at a time."""


class Making:
    """put: takes a name and its bytes, in the order begun, in the caller's thread.

    Never more than `threads` files, or `most_bytes`, are under way, but one always may: `begin` waits for that, and
    puts what it waited for. What fails to be made raises there, or in `finish`; what was begun behind it stays.
    """

    def __init__(self, put: Callable[[str, bytes], None], threads: int = THREADS, most_bytes: int = MOST_BYTES) -> None:
        self._put, self._pool = put, ThreadPoolExecutor(threads, "making")
        self._threads, self._most = threads, most_bytes
        self._under_way: deque[tuple[str, Future[bytes], int]] = deque()

    def begin(self, name: str, made: Callable[[], bytes], nbytes: int = 0) -> None:
        """Have the bytes of a file made. nbytes: of memory that it takes."""
        while self._under_way and not self._room(nbytes):
            self._end()
        self._under_way.append((name, self._pool.submit(made), nbytes))

    def finish(self) -> None:
        """Returns when all that was begun is put."""
        while self._under_way:
            self._end()

    def _room(self, nbytes: int) -> bool:
        held = sum(taken for _, _, taken in self._under_way)
        return len(self._under_way) < self._threads and held + nbytes <= self._most

    def _end(self) -> None:
        name, made, _ = self._under_way.popleft()
        self._put(name, made.result())
