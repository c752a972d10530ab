"""What OnePass refuses: goals that a stream cannot keep, and numbers that cannot mean anything."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamsel.errors import UsageError
from streamsel.selection.stream.diversity import Diversity

__all__ = ["check_decisive", "check_distance", "check_looked"]


def check_distance(min_distance: float | None, diversity: Diversity | None) -> None:
    """Whether rows can be so far apart. Raises UsageError."""
    if min_distance is not None and not 0 < min_distance < math.inf:
        raise UsageError(f"min_distance must be above 0 and finite, got {min_distance}")
    if min_distance is not None and diversity is None:
        raise UsageError("min_distance needs rows with EMBEDDINGS: give their length, dim")


def check_decisive(names: Sequence[str], plain: bool, ratio: bool, hard: bool) -> None:
    """Whether something says where to stop. Raises UsageError.

    names: of the strategies. plain: they are DIVERSITY alone. hard: there is a distance or a constraint.
    """
    if ratio and not names:
        raise UsageError("target_ratio needs a strategy by which rows are told apart")
    if not ratio and not plain:
        raise UsageError(
            f"{', '.join(names)}: says which rows are better, not how many to keep, so give target_ratio; without one "
            "only DIVERSITY with min_distance and constraints can decide"
        )
    if not ratio and not hard:
        raise UsageError("give either min_distance or target_ratio")


def check_looked(looked: Sequence[int] | None, rows: int) -> Sequence[int]:
    """Numbers of frames for so many rows, 1 each unless given. Raises UsageError."""
    steps = [1] * rows if looked is None else [int(step) for step in looked]
    if len(steps) != rows or min(steps, default=0) < 0:
        raise UsageError(f"looked must hold {rows} numbers of frames, 0 or more each, got {steps}")
    return steps
