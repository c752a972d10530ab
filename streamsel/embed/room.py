"""How far a frame that was judged is from becoming a pick, as the gate of stream mode wants to know it."""

from __future__ import annotations

import math
from collections.abc import Callable

from streamsel.data import Decision
from streamsel.embed import Embedder
from streamsel.errors import ModelError

__all__ = ["room_of"]


def room_of(embedder: Embedder, asked: float | None) -> Callable[[Decision], float] | None:
    """Decision -> its distance to being a pick, in novelty distances; None for a model whose own is not known.

    asked: how far from all earlier picks a pick must be; None: the model's novelty distance.
    """
    try:
        novelty = embedder.novelty_distance
    except ModelError:
        return None
    distance = asked or novelty

    def room(decision: Decision) -> float:
        near = 0.0 if decision.keep else decision.distance
        return math.sqrt(max(0.0, distance**2 - near**2)) / novelty

    return room
