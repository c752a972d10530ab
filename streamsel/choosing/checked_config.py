"""What a selection config says by itself: what each strategy needs, what does nothing, what fights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamsel.choosing.finding import Finding, fine, note, problem
from streamsel.choosing.table_columns import idle_options
from streamsel.config import SelectionConfig
from streamsel.config.constraints import MinDistance, MinGap, Names, Quota
from streamsel.config.selection import Entry
from streamsel.errors import SourceError, UsageError
from streamsel.rules.filters import listed
from streamsel.rules.keys import key_of

__all__ = ["config_findings", "place_of"]

MOST = 1 + 1e-6
"""The largest sum of target shares; what is above is no rounding."""

EMBEDDED = "select looks the vectors of frames up there; choose reads the table that is named to it"


def place_of(config: SelectionConfig, entry: Entry) -> str:
    """Where a strategy stands in the config."""
    return f"strategies[{next(place for place, one in enumerate(config.strategies) if one is entry)}]"


def config_findings(config: SelectionConfig, pool: Path | None, table: Path | None = None) -> Iterator[Finding]:
    """Findings that need no table; where there is none, what is needed is told."""
    alone = table is None
    try:
        config.check_goal()
    except UsageError as error:
        yield problem("n_samples", str(error))
    for name in idle_options(config, pool, table):
        told = alone and name == "worker_config.embeddings"
        yield note(name, EMBEDDED if told else "changes nothing here")
    for entry in config.strategies:
        yield from _strategy(config, entry, alone=alone)
    if all(entry.strategy.type == "THRESHOLD" for entry in config.strategies):
        yield note("strategies", "nothing ranks the rows that pass: the first ones are picked, in the table's order")
    yield from _fights(config)
    for place, constraint in enumerate(config.constraints):
        yield from _constraint(f"constraints[{place}]", constraint, alone=alone)
    yield from _quotas(config)


def _strategy(config: SelectionConfig, entry: Entry, *, alone: bool) -> Iterator[Finding]:
    place, options = place_of(config, entry), entry.strategy
    if alone:
        yield fine(place, f"{entry.label}: needs {_needs(entry)}")
    if getattr(options, "strength", 1.0) == 0:
        yield note(place, f"{entry.label}: a strength of 0 changes nothing; its stopping condition holds")
    target = dict(getattr(options, "target", None) or ())
    if sum(target.values()) > MOST:
        yield problem(place, f"{entry.label}: the shares of target add up to {sum(target.values()):.4g}, above 1")


def _needs(entry: Entry) -> str:
    read: Any = entry.input
    match entry.kind:
        case "vectors":
            needed = "an embedding of each row"
        case "objects":
            needed = f"the embeddings of each row's objects of task {read.task}"
        case "counts":
            needed = f"classes, or amounts by class: {key_of(read)}"
        case "labels":
            needed = f"a category of each row: {key_of(read)}"
        case _:
            needed = "nothing" if read.type == "RANDOM" else f"a number of each row: {key_of(read)}"
    return f"{needed}, and the query set {entry.query}" if entry.query else needed


def _fights(config: SelectionConfig) -> Iterator[Finding]:
    """Strategies that want the same of the same column, one more of it and one less."""
    seen: dict[Any, Entry] = {}
    for entry in config.strategies:
        wanted = {"type", "distribution", "target", "target_range"}
        key = entry.column, entry.query, str(entry.strategy.model_dump(include=wanted))
        strength, other = getattr(entry.strategy, "strength", 0.0), seen.setdefault(key, entry)
        if strength * getattr(other.strategy, "strength", 0.0) < 0:
            yield note(
                place_of(config, entry),
                f"{entry.label}: fights {place_of(config, other)}, the same with a strength of the other sign",
            )


def _constraint(place: str, constraint: Any, *, alone: bool) -> Iterator[Finding]:
    match constraint:
        case Names():
            try:
                yield fine(place, f"{constraint.type}: {len(listed(constraint))} names")
            except SourceError as error:
                yield problem(place, f"{constraint.type}: {error}")
        case Quota() if alone:
            yield fine(place, f"{constraint.type}: needs a category of each row: {key_of(constraint.per)}")
        case MinGap() if alone:
            yield fine(place, "MIN_GAP: needs the source and the time of each row")
        case MinDistance() if alone:
            yield fine(place, "MIN_DISTANCE: needs an embedding of each row")


def _quotas(config: SelectionConfig) -> Iterator[Finding]:
    """AT_LEAST that asks for more than an AT_MOST of the same groups allows."""
    quotas = [(place, one) for place, one in enumerate(config.constraints) if isinstance(one, Quota)]
    for place, least in quotas:
        for other, most in quotas:
            same = least.column == most.column and (least.classes is None or most.classes is None)
            shared = set(least.classes or ()) & set(most.classes or ())
            if (least.type, most.type) == ("AT_LEAST", "AT_MOST") and least.count > most.count and (same or shared):
                yield note(
                    f"constraints[{place}]",
                    f"AT_LEAST {least.count}: constraints[{other}] allows {most.count} at most, which goes before",
                )
