"""`streamsel check PIPELINE`: whether a pipeline could run, tried without changing anything.

Each finding names its place in the pipeline file, what was found, and what to do where that stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from streamsel.choosing.finding import Finding, can_run, listed
from streamsel.config import EdgeConfig, IngestConfig
from streamsel.config.pipeline_file import read_pipeline
from streamsel.config.reading import load
from streamsel.errors import UsageError

__all__ = ["check_pipeline", "is_pipeline"]


PIPELINES: Final = {"kind", "sources", "input"}
"""Keys that pipelines have, and selection configs have not."""


def is_pipeline(file: Path) -> bool:
    """Whether a file is a pipeline and no selection config, also where it forgot its `kind`. What cannot be read is
    none.
    """
    try:
        values = load(file)
    except (UsageError, RecursionError):
        return False
    return isinstance(values, Mapping) and bool(PIPELINES & values.keys())


def check_pipeline(file: Path, trying: Callable[[str], None] = lambda what: None) -> Iterator[Finding]:
    """All findings on a pipeline file, as they come. trying: told of what may take long, before.

    Raises UsageError where the file itself cannot be understood.
    """
    config = read_pipeline(file)
    yield from _edge(config, trying) if isinstance(config, EdgeConfig) else _ingest(config, trying)


def _ingest(config: IngestConfig, trying: Callable[[str], None]) -> Iterator[Finding]:
    from streamsel.daemon.checked_places import place_findings  # which load Kafka's client, and the model's runtime
    from streamsel.daemon.checked_selection import selection_findings
    from streamsel.ingest.checked_state import state_findings
    from streamsel.ingest.checked_topics import broker_findings

    trying(f"brokers: {listed(config.input.servers)}")
    told = broker_findings(config)
    yield from told
    yield from place_findings(config)
    trying(f"model: {config.model}")
    lanes = yield from selection_findings(config)
    changelog = [one for one in told if one.place == "state.topic"]  # of a broker that is away there are none
    if lanes is not None and changelog and can_run(changelog) and not any(one.level == "away" for one in changelog):
        yield from state_findings(config, lanes)


def _edge(config: EdgeConfig, trying: Callable[[str], None]) -> Iterator[Finding]:
    from streamsel.edge.checks import edge_findings

    yield from edge_findings(config, trying)
