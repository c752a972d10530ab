"""How long to wait before something is tried again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

__all__ = ["pauses"]

SHORTEST: Final = 0.1
LONGEST: Final = 10.0


def pauses(shortest: float = SHORTEST, longest: float = LONGEST) -> Iterator[float]:
    """Seconds before each try in a row: doubling, and never the same for two members."""
    pause = shortest
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, longest)
