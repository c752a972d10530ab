"""Whether the state that lies in the changelog is one that this pipeline goes on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from streamsel.choosing.finding import Finding, away, fine, note, problem
from streamsel.config.pipeline import IngestConfig
from streamsel.errors import SourceError, UsageError
from streamsel.lanes.lane import FACTS
from streamsel.lanes.making import Lanes
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained, lasting
from streamsel.topic.last_entries import last_entries
from streamsel.topic.security import Security

__all__ = ["state_findings"]

PLACE: Final = "state.topic"

LONGEST: Final = 20.0
"""Seconds that are spent on reading a changelog: what says whose state it is lies near its end, as a rule."""


def state_findings(config: IngestConfig, lanes: Lanes) -> Iterator[Finding]:
    """Findings on a changelog that is there. lanes: as the pipeline makes them. Nothing is changed."""
    name = config.state_topic
    try:
        connection = Connection(config.input.servers, Security.of(config.security))
        with explained(f"{','.join(config.input.servers)}/{name}", SourceError):
            known = last_entries(connection, name, FACTS, LONGEST)
    except (SourceError, UsageError) as error:
        yield (problem if lasting(error) else away)(PLACE, str(error))
        return
    yield from _told(name, known.found, lanes)
    if unknown := sorted(known.unseen):
        listed = ", ".join(map(str, unknown))
        yield note(
            PLACE, f"{name}: whose state is in partition {listed} was not found out in {LONGEST:g} s; `run` will"
        )


def _told(name: str, held: Mapping[int, bytes], lanes: Lanes) -> Iterator[Finding]:
    refused = {partition: said for partition, facts in held.items() if (said := lanes.lane(partition).refusal(facts))}
    if refused:
        also = f" (and {len(refused) - 1} partitions more)" if len(refused) > 1 else ""
        yield problem(PLACE, f"{name}: {next(iter(refused.values()))}{also}")
    elif held:
        of = "1 partition" if len(held) == 1 else f"{len(held)} partitions"
        yield fine(PLACE, f"{name}: has the state of {of}, which is gone on with")
