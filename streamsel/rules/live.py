"""From a selection config to the strategies and constraints of the stream's driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamsel.config import SelectionConfig
from streamsel.config.constraints import MinDistance, MinGap, Names, Quota
from streamsel.config.selection import Entry
from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.rules.filters import listed, stem
from streamsel.rules.material import VECTORS
from streamsel.rules.places import told_at
from streamsel.selection import Strategy
from streamsel.selection.stream import StreamConstraint
from streamsel.selection.stream.balance import Balance
from streamsel.selection.stream.constraints import Allowed, AtMost, Include, MinimumGap, refuse_at_least
from streamsel.selection.stream.diversity import Diversity
from streamsel.selection.stream.object_diversity import ObjectDiversity
from streamsel.selection.stream.onepass import OnePass
from streamsel.selection.stream.similarity import ObjectSimilarity, Similarity
from streamsel.selection.stream.sums import Sums
from streamsel.selection.stream.typicality import ObjectTypicality, Typicality

__all__ = ["decided_by_distances", "distance_of", "stream_selector"]


def distance_of(config: SelectionConfig) -> float | None:
    """How far apart a config wants the picks of a stream: there a distance at which to stop passes nearer rows over."""
    distances = [one.distance for one in config.constraints if isinstance(one, MinDistance)]
    found: list[Any] = [entry.strategy for entry in config.strategies if entry.column == VECTORS]
    distances += [one.stopping_condition_minimum_distance or 0.0 for one in found if one.type == "DIVERSITY"]
    return max(distances, default=0.0) or None


def decided_by_distances(config: SelectionConfig) -> bool:
    """Whether nothing but distances of whole pictures decides, so that vectors are all that must be known of picks."""
    diverse = all(
        one.kind == "vectors" and one.strategy.type == "DIVERSITY" and one.strategy.strength > 0
        for one in config.strategies
    )
    return diverse and all(isinstance(one, MinDistance) for one in config.constraints)


def stream_selector(
    config: SelectionConfig,
    dim: int,
    queries: Mapping[str, Vector],
    classes: Mapping[str, Sequence[str]],
    *,
    target_ratio: float | None,
    min_distance: float | None,
) -> OnePass:
    """The driver that decides rows as they come. dim: of the vectors. classes: column -> classes of the schema.

    min_distance: see `distance_of`; it counts only where rows have vectors. Raises UsageError for what a stream cannot
    promise: AT_LEAST, sums and typicalities to stop at, strategies without a ratio.
    """
    strategies: list[tuple[Strategy, float]] = []
    for place, (entry, label) in enumerate(zip(config.strategies, config.labels, strict=True)):
        if entry.strategy.type != "THRESHOLD":
            with told_at(f"strategies[{place}]"):
                strategies.append((_strategy(entry, label, dim, queries, classes), entry.strategy.strength))
    hard: list[StreamConstraint] = []
    for place, one in enumerate(config.constraints):
        with told_at(f"constraints[{place}]"):
            hard += _constraints(one)
    if not strategies and not hard:  # filters alone decide
        hard = [Allowed()]
    length, far = (dim, min_distance) if config.reads_vectors else (None, None)
    with told_at(_undecided(config)):
        return OnePass(length, strategies, min_distance=far, target_ratio=target_ratio, constraints=hard)


def _undecided(config: SelectionConfig) -> str:
    """The first strategy that says which rows are better, and not how many to keep."""
    plain = {"THRESHOLD", "DIVERSITY"}
    places = [place for place, entry in enumerate(config.strategies) if entry.strategy.type not in plain]
    return f"strategies[{places[0]}]" if places else "strategies"


def _strategy(
    entry: Entry, label: str, dim: int, queries: Mapping[str, Vector], classes: Mapping[str, Sequence[str]]
) -> Strategy:
    options: Any = entry.strategy
    objects = entry.kind == "objects"
    _refuse_ends(options, label, objects=objects)
    match options.type:
        case "DIVERSITY":
            return ObjectDiversity(dim, entry.column, label) if objects else Diversity(dim, VECTORS, label)
        case "TYPICALITY":
            kind = ObjectTypicality if objects else Typicality
            return kind(dim, options.num_nearest_neighbors, entry.column, label)
        case "SIMILARITY":
            similar = ObjectSimilarity if objects else Similarity
            return similar(queries[entry.query or ""], entry.column, label)
        case "BALANCE":
            target = dict(options.target) if options.target else options.distribution
            return Balance(entry.column, target, classes=classes.get(entry.column) or None, name=label)
    return Sums(entry.column, label)


def _refuse_ends(options: Any, label: str, *, objects: bool) -> None:
    """A stream has neither an end nor a best row: no sum is steered to, and nothing stops it."""
    asked = {key for key, value in options if value is not None}
    if asked & {"stopping_condition_max_sum", "target_range"}:
        raise UsageError(f"{label}: a stream has no end to steer a sum to; leave out max_sum and target_range")
    if "stopping_condition_minimum_typicality" in asked:
        raise UsageError(f"{label}: a stream goes on; leave out stopping_condition_minimum_typicality")
    if objects and "stopping_condition_minimum_distance" in asked:
        raise UsageError(f"{label}: a stream goes on; leave out stopping_condition_minimum_distance of objects")


def _constraints(constraint: Any) -> list[StreamConstraint]:
    match constraint:
        case MinGap():
            return [MinimumGap(constraint.seconds)]
        case Quota(type="AT_MOST"):
            return [AtMost(constraint.column, constraint.count, classes=constraint.classes)]
        case Quota():
            refuse_at_least()
        case Names(type="INCLUDE"):
            return [Include(listed(constraint), key=stem)]
    return []
