"""Notes: what of a run came out otherwise than somebody may expect, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from streamsel.config import SelectConfig
from streamsel.config.constraints import Names
from streamsel.config.idle import idle_in_pictures, idle_options
from streamsel.rules.days import HOW_TO_TELL, UNDATED
from streamsel.rules.entrance import Entrance
from streamsel.rules.filters import listed, stem
from streamsel.rules.own_values import object_name
from streamsel.run.damage import damage_of
from streamsel.run.own import own_notes, turned_away
from streamsel.run.parts import Parts
from streamsel.store import PickRow

if TYPE_CHECKING:
    from streamsel.pool.datapool import Pool

__all__ = ["notes_of"]


def notes_of(
    parts: Parts, config: SelectConfig, facts: Mapping[str, Mapping[str, Any]], pool: Pool | None
) -> list[str]:
    """All notes on an ended run. facts: of each source. pool: with what it remembers from earlier runs."""
    entrance = parts.entrance
    rows = "frame" if config.objects is None else "frame or object"
    return [
        *idle_options(config),
        *_all_judged(config),
        *idle_in_pictures(config, [source.id for source in parts.sources if source.kind == "images"]),
        *_over_before_start(config, facts),
        *_too_short(config, facts),
        *(line for source, fact in facts.items() for line in damage_of(source, fact, config.sequence_length)),
        *_not_included(parts, pool),
        *entrance.unseen.notes(rows),
        *_unseen_files(parts),
        *own_notes(parts),
        *_undated(parts),
        *_not_excluded(parts, config),
    ]


def _unseen_files(parts: Parts) -> list[str]:
    """Files are there even where not a frame of them could be read."""
    files = parts.entrance.files
    files.come(source.id for source in parts.sources if source.kind != "images")
    return files.notes()


def _undated(parts: Parts) -> Iterator[str]:
    frames, first = turned_away(parts, UNDATED)
    if frames:
        yield (
            f"the day of {frames} frames is not known, {first} the first: they were not chosen from, as a quota counts"
            f" per DAY: {HOW_TO_TELL}"
        )


def _all_judged(config: SelectConfig) -> Iterator[str]:
    if config.judges_all and config.effort != "exact" and not config.own:
        yield "DIVERSITY of negative strength looks for what is alike: every frame was embedded, as by --effort exact"


def _over_before_start(config: SelectConfig, facts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A source without a whole sequence or a key frame behind the start need not be over by then."""
    sure = config.start and config.sequence_length == 1 and not config.keyframes
    for source, fact in facts.items():
        if sure and not fact["frames"] and "error" not in fact:
            yield f"{source} is over before --start {config.start}"


def _too_short(config: SelectConfig, facts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for source, fact in facts.items():
        if config.sequence_length > 1 and not fact["frames"] and "error" not in fact:
            yield f"{source} gave no sequence of {config.sequence_length} frames: try a shorter --sequence-length"


def _not_included(parts: Parts, pool: Pool | None) -> Iterator[str]:
    wanted = parts.entrance.wanted
    if not wanted:
        return
    picked = {stem(name) for pick in parts.store.picks() for name in _names(parts.entrance, pick)}
    for name, why in wanted.lacking(picked).items():
        if pool is None or (name not in pool and stem(name) not in pool):
            yield f"INCLUDE {name}: {why}"


def _not_excluded(parts: Parts, config: SelectConfig) -> Iterator[str]:
    """Where it names something, and nothing of that came; of objects not all are found that it may name."""
    banned = [one for one in config.rules.constraints if isinstance(one, Names) and one.type == "EXCLUDE"]
    names = {name for one in banned for name in listed(one)}
    if names and config.objects is None and not turned_away(parts, "excluded")[0]:
        yield f"EXCLUDE: names {len(names)} frames, {min(names)} among them, and none of them came"


def _names(entrance: Entrance, pick: PickRow) -> list[str]:
    names = [entrance.called(mark) for mark in pick.marks]
    return names if pick.box is None else [object_name(names[0], pick.marks[0], pick.box)]
