"""RANDOM: a number for each row that depends on its id and a seed alone.

So neither the order of the rows, nor a restart, nor the machine changes it, and both drivers agree on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from streamsel.selection.columns import Numbers

__all__ = ["random_number", "random_numbers"]


def random_numbers(ids: Sequence[str], seed: int = 0) -> Numbers:
    """One number for each id, uniform in [0, 1): see `random_number`."""
    return Numbers(np.array([random_number(text, seed) for text in ids], np.float64))


def random_number(text: str, seed: int = 0) -> float:
    """Uniform in [0, 1): the first 53 bits of BLAKE2b (RFC 7693) of the text's UTF-8, the seed's digits as the key."""
    key = str(seed).encode()[:64]
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53
