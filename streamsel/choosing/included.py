"""INCLUDE: whether what must be picked can be. EXCLUDE: whether what must not be is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Names
from streamsel.config.nearest import nearest
from streamsel.errors import UsageError
from streamsel.pool.datapool import Pool
from streamsel.rules.filters import Reasons, listed, same_name
from streamsel.rules.table_rows import TableRows

__all__ = ["check_included", "idle_excludes", "impossible_includes"]

SEARCHED: Final = 100_000
"""Names among which what was meant is looked for at most, which takes seconds above."""


def check_included(config: SelectionConfig, rows: TableRows, reasons: Reasons, n: int, pool: Pool | None) -> None:
    """Raises UsageError for the first thing that stands in the way of an INCLUDE."""
    for place, complaint in impossible_includes(config, rows, reasons, n, pool):
        raise UsageError(f"{place}: {complaint}")


def impossible_includes(
    config: SelectionConfig, rows: TableRows, reasons: Reasons, n: int, pool: Pool | None
) -> Iterator[tuple[str, str]]:
    """What stands in the way of each INCLUDE, with its place: names that are no rows, filters, too few picks.

    A row that is in the pool is picked already.
    """
    needed: set[int] = set()
    for place, one in enumerate(config.constraints):
        if not isinstance(one, Names) or one.type != "INCLUDE":
            continue
        names = listed(one)
        for name, row in zip(names, same_name(rows.names, names), strict=True):
            if row is None and not (pool is not None and name in pool):
                yield f"constraints[{place}]", f"INCLUDE {name}: is no row of {rows.called}{_guess(name, rows)}"
            elif row is not None and reasons[row] is None:
                needed.add(row)
            elif row is not None and reasons[row] != "in the pool":
                yield f"constraints[{place}]", f"INCLUDE {name}: a filter forbids it ({reasons[row]})"
    if len(needed) > n:
        yield (
            "constraints",
            f"INCLUDE: {len(needed)} rows must be picked, and only {n} can be: pick more, or name fewer",
        )


def idle_excludes(config: SelectionConfig, names: Sequence[str]) -> Iterator[str]:
    """A note on each EXCLUDE with names that no row has. names: of the rows."""
    for place, one in enumerate(config.constraints):
        if not isinstance(one, Names) or one.type != "EXCLUDE":
            continue
        banned = listed(one)
        lost = [name for name, row in zip(banned, same_name(names, banned), strict=True) if row is None]
        if lost:
            near = nearest(lost[0], names) if len(names) <= SEARCHED else ""
            guess = f" (did you mean {near!r}?)" if near else ""
            yield f"constraints[{place}]: EXCLUDE: {len(lost)} of {len(banned)} names are no rows: {lost[0]!r}{guess}"


def _guess(name: str, rows: TableRows) -> str:
    near = nearest(name, rows.names) if len(rows.names) <= SEARCHED else ""
    return f"; did you mean {near!r}?" if near else "; take the name out"
