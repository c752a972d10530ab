"""A pipeline's config -> the parts of its loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from typing import Final

from threadpoolctl import threadpool_limits

from streamsel.config import IngestConfig
from streamsel.daemon.metrics import Metrics
from streamsel.decode.looking import Looking
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.ingest.emitting import FolderOutput, Output, TopicOutput, dead_letter
from streamsel.ingest.parts import GroupMember, Parts
from streamsel.ingest.pictures import Pictures
from streamsel.lanes.making import Lanes
from streamsel.topic.connection import Connection
from streamsel.topic.incoming import Incoming
from streamsel.topic.member import Member
from streamsel.topic.references import References

__all__ = ["built"]

BESIDE: Final = 1 << 20
"""Bytes that a record may have beside its picture."""
DECODING: Final = 2
"""Threads that open pictures while the model works."""


@contextmanager
def built(config: IngestConfig, metrics: Metrics, connection: Connection) -> Iterator[Parts]:
    """The parts, whose threads end when it is left. Raises ModelError, UsageError, SourceError."""
    embedder = load_embedder(config.model, device=config.device, weights=config.weights, threads=config.threads)
    lanes = Lanes.of(config, embedder)
    # Products of BLAS are small here: several threads for one wait longer for each other than they work.
    with threadpool_limits(1, "blas"), _pictures(config, embedder, lanes) as pictures:
        yield Parts(
            member=_member(config, connection),
            lane=lanes.lane,
            pictures=pictures,
            embedder=embedder,
            embeds=lanes.reads_vectors,
            output=_output(config, embedder),
            letter=partial(dead_letter, config.dead_letter_topic, config.input.topic),
            metrics=metrics,
            records=config.batch.records,
            size=config.batch.bytes,
            gather=config.batch.seconds,
        )


def _member(config: IngestConfig, connection: Connection) -> Callable[[], GroupMember]:
    """Half of the bytes may wait in the client while the other half is worked on; the largest picture always may."""
    source, batch = config.input, config.batch
    return partial(
        Member,
        connection,
        source.topic,
        config.state_topic,
        group=source.group,
        instance=source.instance,
        session=source.session,
        most_records=batch.records,
        most_bytes=batch.bytes // 2,
        most_unpacked=max(batch.bytes // 2, source.largest + BESIDE),
    )


def _pictures(config: IngestConfig, embedder: Embedder, lanes: Lanes) -> Pictures:
    source = config.input
    folder = source.references
    return Pictures(
        Incoming(source.topic, holds=source.holds, largest=source.largest, tasks=lanes.tasks),
        embedder.size,
        references=None if folder is None else References(folder, largest=source.largest),
        looking=Looking(source.every or 1, Fraction(source.fps) if source.fps else None, source.keyframes),
        whole=lanes.reads_pixels,
        threads=min(config.threads or DECODING, DECODING),
        most_pixels=source.pixels,
    )


def _output(config: IngestConfig, embedder: Embedder) -> Output:
    given, origin, padding = config.output, config.input.topic, config.rules.worker.object_level.padding
    if given.folder is not None:
        return FolderOutput(given.folder, origin=origin, model=embedder.name, padding=padding)
    limit, claims = given.inline_limit, given.claims
    name, model = given.topic or "", embedder.name
    return TopicOutput(name, origin=origin, model=model, limit=limit, claims=claims, padding=padding)
