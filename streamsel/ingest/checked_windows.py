"""Whether a topic keeps its records until a window of time that they fell into is chosen of, and sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamsel.choosing.finding import Finding, note, problem
from streamsel.config import IngestConfig
from streamsel.topic.topics import Topic

__all__ = ["losses", "window_findings"]

WINDOWS: Final = 2
"""So many windows are kept at least: one that is open, and one that is being sent."""


def window_findings(config: IngestConfig, topic: Topic) -> Iterator[Finding]:
    """Findings on the input topic of a pipeline; none without a window."""
    window = config.goal
    if window is None:
        return
    if topic.largest is None:
        yield note("window", f"{topic.name}: its retention cannot be seen; ask for the right DESCRIBE_CONFIGS")
    elif topic.retention_bytes is not None:
        yield note(
            "window",
            f"{topic.name}: retention.bytes is {topic.retention_bytes}: see that {WINDOWS} windows of"
            f" {window.minutes:g} minutes have less in a partition, for pictures are read again when one ends",
        )
    yield from (problem("window", text) for text in losses(config, topic))


def losses(config: IngestConfig, topic: Topic) -> Iterator[str]:
    """Why picks of windows would be gone before they are sent, a line each, with what to do."""
    window = config.goal
    if window is None:
        return
    if topic.cleaned:
        yield (
            f"{topic.name}: is compacted, so pictures would be gone when a window ends and they are read again: set"
            " cleanup.policy=delete"
        )
    needed = round(WINDOWS * window.minutes * 60_000)
    if topic.retention_ms is not None and topic.retention_ms < needed:
        yield (
            f"{topic.name}: keeps records for {topic.retention_ms / 60_000:g} minutes, and pictures are read again"
            f" when a window of {window.minutes:g} ends: set retention.ms={needed} or more, or a shorter window"
        )
