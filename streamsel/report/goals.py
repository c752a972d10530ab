"""What each strategy of a selection asked for, beside what the picks reached, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["goal_rows", "goals_table"]

SHOWN: Final = 12
"""Classes of one strategy at most; the others are counted."""

Strategies = Mapping[str, Mapping[str, Any]]


def goal_rows(strategies: Strategies) -> Iterator[tuple[str, str, str]]:
    """Strategy, what it asked for, what was reached: text, a line for each, and for each class of a BALANCE."""
    for label, told in strategies.items():
        if "passed" in told:
            yield label, told["asked"], f"{told['passed']} of {told['rows']} rows pass"
        elif "shares" in told:
            yield from _shares(label, told["shares"])
        elif "reached_sum" in told:
            reached = (
                f"mean {told['reached_mean']:.4g}{_beside(told['input_mean'], '.4g')}, sum {told['reached_sum']:.6g}"
            )
            yield label, _asked(told), reached
        elif "candidates_mean" in told:
            reached = f"mean {told['reached_mean']:.4g} (candidates {told['candidates_mean']:.4g})"
            yield label, _asked(told), reached
        elif told.get("reached_minimum") is not None:
            reached = f"smallest distance {told['reached_minimum']:.4f}, mean {told['reached_mean']:.4f}"
            yield label, _asked(told), reached
        else:
            yield label, _asked(told), f"gain {told['gain']:.4g}"


def _shares(label: str, shares: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, str, str]]:
    ranked = sorted(shares.items(), key=lambda item: -item[1]["target"])
    for name, share in ranked[:SHOWN]:
        yield f"{label}: {name}", f"{share['target']:.1%}", f"{share['reached']:.1%}{_beside(share['input'], '.1%')}"
    if len(ranked) > SHOWN:
        yield f"{label}: {len(ranked) - SHOWN} more", "", "see summary.json"


def _beside(value: float | None, form: str) -> str:
    """The same of all rows, where that is known: a stream has let them go."""
    return "" if value is None else f" (all rows {value:{form}})"


def _asked(told: Mapping[str, Any]) -> str:
    strength = told["strength"]
    direction = "as little as may be" if strength < 0 else "as much as may be"
    names = [name for name in told if name.startswith("stopping_condition_") or name == "target_range"]
    limits = [f"{name.removeprefix('stopping_condition_').replace('_', ' ')} {told[name]}" for name in names]
    return ", ".join([direction, *limits])


def goals_table(strategies: Strategies) -> Table:
    """The table to be drawn by rich."""
    from rich.table import Table

    table = Table()
    for heading in ("Strategy", "Asked", "Reached"):
        table.add_column(heading)
    for row in goal_rows(strategies):
        table.add_row(*row)
    return table
