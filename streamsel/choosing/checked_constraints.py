"""How many picks each constraint lets through, and what it asks for that cannot be met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from streamsel.choosing.checked_goals import LOOKED, Ground
from streamsel.choosing.finding import Finding, fine, note
from streamsel.choosing.reach import gap_fits, quota_fits
from streamsel.config.constraints import MinDistance, MinGap, Quota
from streamsel.config.nearest import nearest
from streamsel.rules.goals import constraint_name
from streamsel.rules.material import SOURCE, TIME
from streamsel.rules.values import as_written
from streamsel.selection.budget.constraints import AtLeast
from streamsel.selection.columns import Counts
from streamsel.selection.groups import Groups

__all__ = ["constraint_findings"]


def constraint_findings(ground: Ground) -> Iterator[Finding]:
    """Findings on each constraint alone; earlier picks count."""
    for place, constraint in enumerate(ground.config.constraints):
        name = constraint_name(constraint)
        for right, text in _about(ground, constraint):
            yield (fine if right else note)(f"constraints[{place}]", f"{name}: {text}")


def _about(ground: Ground, constraint: Any) -> Iterator[tuple[bool, str]]:
    match constraint:
        case MinDistance():
            enough = ground.fits_at(constraint.distance) >= min(ground.n, LOOKED)
            yield enough, f"{ground.fits_text(constraint.distance)}; {ground.n} picks are asked for"
        case MinGap():
            fits = gap_fits(ground.rows[SOURCE], ground.rows[TIME], constraint.seconds)
            yield fits >= ground.n, f"{fits} rows fit; {ground.n} picks are asked for"
        case Quota(type="AT_MOST"):
            yield from _absent(constraint, ground.rows[constraint.column])
            yield from _at_most(ground, constraint)
        case Quota():
            yield from _absent(constraint, ground.rows[constraint.column])
            yield from _at_least(ground, constraint)


def _absent(constraint: Quota, column: Any) -> Iterator[tuple[bool, str]]:
    """Classes that are named and occur in no row; or that none is known, whichever."""
    there = Groups(column)
    known = {str(name): name for name, size in zip(there.names, there.sizes, strict=True) if size}
    if not known:
        yield False, "no row is of any class, so it changes nothing"
    sizes = Groups(column, constraint.classes)
    for name, size in zip(sizes.names, sizes.sizes, strict=True):
        if constraint.classes and not size:
            near = nearest(str(name), known)
            guess = f"; did you mean {as_written(known[near])}?" if near else ""
            yield False, f"class {as_written(name)} occurs in no row{guess}"


def _at_most(ground: Ground, constraint: Quota) -> Iterator[tuple[bool, str]]:
    every = ground.with_earlier(constraint.column)
    groups, first = Groups(every, constraint.classes), len(every) - len(ground.rows)
    earlier = np.array([np.count_nonzero(groups.rows(group) < first) for group in range(len(groups.names))], np.int64)
    sizes, left = groups.sizes - earlier, np.maximum(constraint.count - earlier, 0)
    if isinstance(every, Counts):
        full = int(np.count_nonzero(sizes > left))
        yield True, f"{full} of {len(sizes)} classes have more rows than it allows"
        return
    fits = quota_fits(sizes, left, len(ground.rows))
    yield fits >= ground.n, f"{fits} rows fit; {ground.n} picks are asked for"


def _at_least(ground: Ground, constraint: Quota) -> Iterator[tuple[bool, str]]:
    column = ground.with_earlier(constraint.column)
    quota = AtLeast(column, constraint.count, classes=constraint.classes)
    for row in range(len(column) - len(ground.rows)):
        quota.add(row)
    for name, lacks in quota.impossible().items():
        yield False, f"{name}: {lacks} of {constraint.count} are not there"
    needed = int(np.sum(quota.needs()))
    overlap = ", fewer where a row is in several classes" if isinstance(column, Counts) else ""
    yield needed <= ground.n, f"{needed} picks are kept for it{overlap}; {ground.n} are asked for"
