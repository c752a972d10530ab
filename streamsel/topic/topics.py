"""Topics as a broker has them: made where they are missing, and described: partitions, limits, rights."""

from __future__ import annotations

import logging
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaAdminClient  # type: ignore[import-untyped]
from kafka.admin import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]
from kafka.errors import (  # type: ignore[import-untyped]
    LeaderNotAvailableError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from streamsel.topic.connection import Connection

__all__ = ["Topic", "describe", "ensure"]

log: Final = logging.getLogger("streamsel.topic")

LIMIT: Final = "max.message.bytes"
CLEANUP: Final = "cleanup.policy"
RETENTION_MS: Final = "retention.ms"
RETENTION_BYTES: Final = "retention.bytes"

SHORT: Final = {"segment.bytes": str(64 << 20), "min.cleanable.dirty.ratio": "0.1"}
"""Only whole segments are compacted, of 1 GiB by default: whoever reads state would read most of a day's changes."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as its broker describes it.

    partitions: how many. largest: bytes of a batch that it takes (`max.message.bytes`), or None where describing it is
    not allowed. compacted: whether the last record of each key is kept, for good. replicas: of the partition that has
    fewest. rights: what we may do with it: `READ`, `WRITE`, `DESCRIBE`, `CREATE`, ...; all where nothing is forbidden.
    cleaned: whether records go when others of their key come. retention_ms, retention_bytes: after which the oldest
    go, the latter of each partition; None: without such a bound, or not known.
    """

    name: str
    partitions: int
    largest: int | None
    compacted: bool
    replicas: int
    rights: frozenset[str]
    cleaned: bool = False
    retention_ms: int | None = None
    retention_bytes: int | None = None


def ensure(connection: Connection, name: str, partitions: int, compacted: bool = False) -> Topic:
    """The topic, made where it is missing, with the broker's own number of replicas.

    partitions, compacted: of a topic that is made; one that exists stays as it is, and the caller compares. Returns
    when each partition has a leader. Raises KafkaError (see `streamsel.topic.explaining`), which also describing does.
    """
    configs = {CLEANUP: "compact", **SHORT} if compacted else {}
    with closing(connection.admin()) as admin:
        with suppress(UnknownTopicOrPartitionError):
            return _described(admin, name)  # first, for who may use a topic may often not create it
        with suppress(TopicAlreadyExistsError):
            admin.create_topics({name: {"num_partitions": partitions, "configs": configs}})
            log.info("made topic %s, of %d partitions", name, partitions)
        admin.wait_for_topics([name], timeout_ms=int(connection.wait * 1000))
        return _described(admin, name)


def describe(connection: Connection, name: str) -> Topic:
    """What the broker says of a topic. Raises KafkaError: UnknownTopicOrPartitionError where there is none."""
    with closing(connection.admin()) as admin:
        return _described(admin, name)


def _described(admin: KafkaAdminClient, name: str) -> Topic:
    topic = admin.describe_topics([name])[0]
    wrong = for_code(topic["error_code"])
    if wrong is not NoError:
        raise wrong(name)
    if not topic["partitions"]:
        raise LeaderNotAvailableError(name)
    configs = _configs(admin, name)
    return Topic(
        name=name,
        partitions=len(topic["partitions"]),
        largest=int(configs[LIMIT]) if LIMIT in configs else None,
        compacted=configs.get(CLEANUP) == "compact",
        replicas=min(len(one["replica_nodes"]) for one in topic["partitions"]),
        rights=frozenset(topic.get("authorized_operations") or ()),
        cleaned="compact" in configs.get(CLEANUP, ""),
        retention_ms=_bound(configs, RETENTION_MS),
        retention_bytes=_bound(configs, RETENTION_BYTES),
    )


def _bound(configs: dict[str, str], name: str) -> int | None:
    """A number after which old records go; where nothing is deleted it bounds nothing, nor does -1."""
    bound = int(configs.get(name, -1))
    return bound if bound >= 0 and "delete" in configs.get(CLEANUP, "") else None


def _configs(admin: KafkaAdminClient, name: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, name, [LIMIT, CLEANUP, RETENTION_MS, RETENTION_BYTES])
    found: dict[str, dict[str, Any]] = admin.describe_configs([resource], config_filter="all")["topic"][name]
    return {key: one["value"] for key, one in found.items()}
