"""Where a name stands among many, in 16 bytes a name: digests, sorted. A million names are no million objects."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

__all__ = ["NameIndex"]


class NameIndex:
    """Position of each of the names; one that is there several times is not known. Empty names have no place.

    Two names share a digest of 64 bits by a chance of about 1 in 10 million among a million of them; such a pair is
    not known either.
    """

    def __init__(self, names: Iterable[str]) -> None:
        told = np.fromiter(((_digest(name), bool(name)) for name in names), [("code", np.uint64), ("named", bool)])
        codes, first, times = np.unique(told["code"], return_index=True, return_counts=True)
        known = (times == 1) & told["named"][first]
        self._codes, self._places = codes[known], first[known]

    def __len__(self) -> int:
        return len(self._codes)

    def place(self, name: str) -> int:
        """Its position, -1 where it has none."""
        code = np.uint64(_digest(name))
        at = int(np.searchsorted(self._codes, code))
        return int(self._places[at]) if at < len(self._codes) and self._codes[at] == code else -1


def _digest(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
