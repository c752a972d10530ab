"""Whether a topic keeps its records until the sequence that they belong to is complete, picked, and sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamsel.choosing.finding import Finding, note, problem
from streamsel.config import IngestConfig
from streamsel.topic.topics import Topic

__all__ = ["sequence_findings", "sequence_losses"]

LONG: Final = 86_400_000
"""Milliseconds, a day: whoever keeps records for as long hears nothing, unless pictures may lie further apart."""


def sequence_findings(config: IngestConfig, topic: Topic) -> Iterator[Finding]:
    """Findings on the input topic of a pipeline; none where single frames are picked."""
    length = config.sequence_length
    if length == 1:
        return
    again = f"see that {length} pictures of one source come within that, for they are read again when one is picked"
    if topic.largest is None:
        yield note("selection", f"{topic.name}: its retention cannot be seen; ask for the right DESCRIBE_CONFIGS")
    if topic.retention_ms is not None and topic.retention_ms < max(LONG, _slowest(config)):
        yield note("selection", f"{topic.name}: keeps records for {topic.retention_ms / 60_000:g} minutes: {again}")
    if topic.retention_bytes is not None:
        yield note("selection", f"{topic.name}: retention.bytes is {topic.retention_bytes}: {again}")
    yield from (problem("selection", text) for text in sequence_losses(config, topic))


def sequence_losses(config: IngestConfig, topic: Topic) -> Iterator[str]:
    """Why frames of sequences would be gone before they are sent, with what to do."""
    if config.sequence_length > 1 and topic.cleaned:
        yield (
            f"{topic.name}: is compacted, so pictures would be gone when their sequence is picked and they are read"
            " again: set cleanup.policy=delete"
        )


def _slowest(config: IngestConfig) -> float:
    """Milliseconds that a sequence may take, where that is known."""
    return (config.sequence_length - 1) * 1000 * (config.input.gap or 0.0)
