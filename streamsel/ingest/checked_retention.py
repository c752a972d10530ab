"""Whether the input topic keeps its records until pictures that wait are read again: of a window of time, which is
chosen of at its end, or of a sequence, which is sent when it is complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streamsel.choosing.finding import Finding, note, problem
from streamsel.config import IngestConfig
from streamsel.topic.topics import Topic

__all__ = ["losses", "retention_findings"]

WINDOWS: Final = 2
"""So many windows are kept at least: one that is open, and one that is being sent."""

LONG: Final = 86_400_000
"""Milliseconds, a day: whoever keeps records for as long hears nothing of sequences, unless their gaps are larger."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """place: what makes pictures wait. end: when they are read again. together: what has to be there then. needed:
    milliseconds for which it waits surely; likely: for which it may."""

    place: str
    end: str
    together: str
    needed: float
    likely: float


def retention_findings(config: IngestConfig, topic: Topic) -> Iterator[Finding]:
    """Findings on the input topic of a pipeline; none where every picture is decided as it comes."""
    for one in _waits(config):
        again = f"for pictures are read again when {one.end}"
        if topic.largest is None:
            yield note(one.place, f"{topic.name}: its retention cannot be seen; ask for the right DESCRIBE_CONFIGS")
        if topic.retention_ms is not None and one.needed <= topic.retention_ms < one.likely:
            yield note(one.place, f"{_keeps(topic)}: see that {one.together} come within that, {again}")
        if topic.retention_bytes is not None:
            kept = f"{topic.name}: retention.bytes is {topic.retention_bytes}"
            yield note(one.place, f"{kept}: see that {one.together} have less in a partition, {again}")
    yield from losses(config, topic)


def losses(config: IngestConfig, topic: Topic) -> Iterator[Finding]:
    """Why pictures would be gone before they are sent, with what to do: problems at keys of the pipeline."""
    for one in _waits(config):
        if topic.cleaned:
            gone = f"so pictures would be gone when {one.end} and they are read again"
            yield problem(one.place, f"{topic.name}: is compacted, {gone}: set cleanup.policy=delete")
        if topic.retention_ms is not None and topic.retention_ms < one.needed:
            raised = f"set retention.ms={round(one.needed)} or more, or a shorter {one.place}"
            yield problem(one.place, f"{_keeps(topic)}, and pictures are read again when {one.end}: {raised}")


def _waits(config: IngestConfig) -> Iterator[_Wait]:
    if (window := config.goal) is not None:
        long, least = f"{window.minutes:g} minutes", WINDOWS * window.minutes * 60_000
        yield _Wait("window", f"a window of {long} ends", f"{WINDOWS} windows of {long}", least, least)
    if (length := config.sequence_length) > 1:
        slowest = (length - 1) * 1000 * (config.input.gap or 0.0)
        yield _Wait("selection", "their sequence is picked", f"{length} pictures of one source", 0, max(LONG, slowest))


def _keeps(topic: Topic) -> str:
    return f"{topic.name}: keeps records for {(topic.retention_ms or 0) / 60_000:g} minutes"
