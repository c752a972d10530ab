"""Work that a few threads do while the caller goes on, such as making the bytes of pictures and writing them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

__all__ = ["Meanwhile"]

THREADS: Final = 2
MOST_BYTES: Final = 64 << 20
"""Of memory that work under way takes: two pictures of 1080p are made at once, but one of 4K at a time."""


class Meanwhile:
    """Never more than `threads` things, or `most_bytes`, are under way, but one always may: `begin` waits for that.

    What fails raises its error at the next `finish`, the one begun first; all else is done nevertheless.
    """

    def __init__(self, threads: int = THREADS, most_bytes: int = MOST_BYTES) -> None:
        self._pool, self._threads, self._most = ThreadPoolExecutor(threads, "meanwhile"), threads, most_bytes
        self._under_way: dict[str, tuple[Future[None], int]] = {}
        """By name, in the order begun."""
        self._failed: list[BaseException] = []

    def begin(self, name: str, work: Callable[[], None], nbytes: int = 0) -> None:
        """Have this done. name: of what it changes: two with one name come one after the other. nbytes: it takes."""
        if name in self._under_way:
            self._end(name)
        while self._under_way and not self._room(nbytes):
            self._end(next(iter(self._under_way)))
        self._under_way[name] = self._pool.submit(work), nbytes

    def finish(self) -> None:
        """Returns when all that was begun is done."""
        for name in list(self._under_way):
            self._end(name)
        failed, self._failed = self._failed, []
        if failed:
            raise failed[0]

    def _room(self, nbytes: int) -> bool:
        held = sum(taken for _, taken in self._under_way.values())
        return len(self._under_way) < self._threads and held + nbytes <= self._most

    def _end(self, name: str) -> None:
        error = self._under_way.pop(name)[0].exception()
        if error is not None:
            self._failed.append(error)
