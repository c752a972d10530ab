"""What can be asked of a broker before anything is done: who it is, what a group does, what it would refuse."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from kafka import KafkaAdminClient  # type: ignore[import-untyped]
from kafka.errors import (  # type: ignore[import-untyped]
    BrokerResponseError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    InvalidProducerEpochError,
    InvalidProducerIdMappingError,
    InvalidTxnStateError,
    NoError,
    NotCoordinatorError,
    ProducerFencedError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from kafka.protocol.metadata import CoordinatorType  # type: ignore[import-untyped]
from kafka.protocol.producer import EndTxnRequest  # type: ignore[import-untyped]

from streamsel.topic.connection import Connection
from streamsel.topic.topics import CLEANUP, LIMIT, Topic, describe

__all__ = ["Cluster", "Group", "check_transactions", "cluster", "group", "made_or_unmade", "topic", "unmade"]

STARTING: Final = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
"""What a broker says before its first group or transaction, and while it moves."""

NOBODY: Final = 1 << 62
"""The id of no producer: brokers count them from 0."""
NOTHING_ENDED: Final = (
    InvalidProducerIdMappingError,
    InvalidProducerEpochError,
    InvalidTxnStateError,
    ProducerFencedError,
)
"""What a broker says to somebody who may end a transaction, and has none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cluster:
    """name: what the cluster calls itself. brokers: how many of them run."""

    name: str
    brokers: int


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group now.

    protocol: how its members share partitions, or empty while nobody is there. instances: a name for each member, as
    configured, or empty for one without (dynamic membership). readable: whether we may be a member.
    """

    protocol: str
    instances: tuple[str, ...]
    readable: bool


def cluster(connection: Connection) -> Cluster:
    """Who answers. Raises KafkaError (see `streamsel.topic.explaining`), as all of these do."""
    with _asking(connection) as admin:
        said = admin.describe_cluster()
    running = [one for one in said["brokers"] if not one.get("is_fenced")]
    return Cluster(said["cluster_id"], len(running))


def topic(connection: Connection, name: str) -> Topic | None:
    """What the broker says of a topic; None where there is none."""
    try:
        return describe(connection, name)
    except UnknownTopicOrPartitionError:
        return None


def group(connection: Connection, name: str) -> Group:
    """A group, empty where there is none yet. Raises GroupAuthorizationFailedError where even asking is not allowed."""
    with _asking(connection) as admin:
        said = _once_started(connection, lambda: admin.describe_groups([name])[name])
    if GroupAuthorizationFailedError.__name__ in (said["error"] or ""):
        raise GroupAuthorizationFailedError(name)
    rights = said["authorized_operations"]
    instances = tuple(member["group_instance_id"] or "" for member in said["members"])
    return Group(said["protocol_data"] if instances else "", instances, rights is None or "READ" in rights)


def unmade(connection: Connection, name: str, partitions: int, *, compacted: bool = False) -> Topic:
    """The topic that the broker would make; nothing is made. Raises the KafkaError with which it would refuse.

    Its rights are not known yet; nor is what it takes where we may not describe topics, or the broker is old (2.3).
    """
    configs = {CLEANUP: "compact"} if compacted else {}
    wanted = {name: {"num_partitions": partitions, "configs": configs}}
    with _asking(connection) as admin:
        (said,) = admin.create_topics(wanted, validate_only=True, raise_errors=False)["topics"]
    wrong: type[BrokerResponseError] = for_code(said["error_code"])
    if wrong is not NoError:
        raise wrong(said["error_message"] or name)
    given = {key: one["value"] for key, one in said.get("configs", {}).items()}
    largest = int(given[LIMIT]) if LIMIT in given else None
    return Topic(name, partitions, largest, compacted, said.get("replication_factor", -1), frozenset())


def made_or_unmade(connection: Connection, name: str, partitions: int, *, compacted: bool = False) -> Topic:
    """The topic as it is, or else as it would be made; see `unmade`."""
    try:
        return topic(connection, name) or unmade(connection, name, partitions, compacted=compacted)
    except TopicAlreadyExistsError:  # somebody made it meanwhile
        return describe(connection, name)


def check_transactions(connection: Connection, transactional_id: str) -> None:
    """Raises TransactionalIdAuthorizationFailedError where we may not send transactions under this id.

    The broker is asked to end a transaction of a producer that never was: it looks at rights first, and then finds
    nothing to end. So nobody of this id is fenced, as by beginning a transaction, and the broker remembers nothing.
    """
    with _asking(connection) as admin:
        said = _once_started(connection, lambda: admin._manager.run(_ended_nothing, admin, transactional_id))
    if said not in NOTHING_ENDED:
        raise said(transactional_id)


async def _ended_nothing(admin: KafkaAdminClient, transactional_id: str) -> type[BrokerResponseError]:
    node = await admin._find_coordinator_id(transactional_id, CoordinatorType.TRANSACTION)
    asked = EndTxnRequest(transactional_id=transactional_id, producer_id=NOBODY, producer_epoch=0, committed=False)
    said: type[BrokerResponseError] = for_code((await admin._manager.send(asked, node_id=node)).error_code)
    if said in STARTING:
        raise said(transactional_id)
    return said


@contextmanager
def _asking(connection: Connection) -> Iterator[KafkaAdminClient]:
    admin = connection.admin()
    try:
        yield admin
    finally:
        admin.close()


def _once_started(connection: Connection, ask: Callable[[], T]) -> T:
    """The answer, once the broker has what it keeps groups and transactions in; at most `connection.wait` seconds."""
    deadline = time.monotonic() + connection.wait
    while True:
        try:
            return ask()
        except STARTING:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
