"""How much is decided and committed at once: less where a commit does not come to its end."""

from __future__ import annotations

from typing import Final

__all__ = ["Portion"]

SMALLEST: Final = 1024
"""The least portion is the whole divided by this."""
WELL: Final = 20
"""Commits that must go well before twice as much is tried again."""


class Portion:
    """Half as much after each commit that failed, twice as much after several that went well, the whole at most.

    What takes longer than a transaction may last would be tried again without end. Its size changes no decision.
    """

    def __init__(self, records: int, size: int) -> None:
        self._records, self._size = records, size
        self._parts, self._well = 1, 0

    @property
    def records(self) -> int:
        """Frames at most; at least 1."""
        return max(1, self._records // self._parts)

    @property
    def size(self) -> int:
        """Bytes of them, about; at least 1."""
        return max(1, self._size // self._parts)

    def failed(self) -> None:
        """A commit did not come to its end."""
        self._parts, self._well = min(2 * self._parts, SMALLEST), 0

    def succeeded(self) -> None:
        """A commit is over."""
        self._well += 1
        if self._well >= WELL:
            self._parts, self._well = max(1, self._parts // 2), 0
