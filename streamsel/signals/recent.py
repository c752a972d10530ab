"""What was read lately, so that several signals read a file once: bounded in entries and in bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Recent"]

T = TypeVar("T")


class Recent(Generic[T]):
    """The values used last: at most `entries`, and all but the newest of them at most `nbytes` large together."""

    def __init__(self, entries: int, nbytes: int) -> None:
        self.entries, self.nbytes = entries, nbytes
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> T:
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: str, value: T, nbytes: int) -> T:
        """Keep a value that costs about so many bytes; gives it back."""
        self._held += nbytes - (self._values.pop(key)[1] if key in self._values else 0)
        self._values[key] = (value, nbytes)
        while len(self._values) > 1 and (len(self._values) > self.entries or self._held > self.nbytes):
            self._held -= self._values.popitem(last=False)[1][1]
        return value
