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
    NoError,
    NotCoordinatorError,
    TransactionalIdNotFoundError,
    UnknownTopicOrPartitionError,
    for_code,
)

from streamsel.topic.connection import Connection
from streamsel.topic.topics import Topic, describe

__all__ = ["Cluster", "Group", "check_create", "check_transactions", "cluster", "group", "topic"]

STARTING: Final = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
"""What a broker says before its first group or transaction, and while it moves."""

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


def check_create(connection: Connection, name: str, partitions: int, *, compacted: bool = False) -> None:
    """Raises the KafkaError with which the broker would refuse to make this topic; nothing is made."""
    configs = {"cleanup.policy": "compact"} if compacted else {}
    wanted = {name: {"num_partitions": partitions, "configs": configs}}
    with _asking(connection) as admin:
        (said,) = admin.create_topics(wanted, validate_only=True, raise_errors=False)["topics"]
    wrong: type[BrokerResponseError] = for_code(said["error_code"])
    if wrong is not NoError:
        raise wrong(said["error_message"] or name)


def check_transactions(connection: Connection, transactional_id: str) -> None:
    """Raises TransactionalIdAuthorizationFailedError where we may not even see transactions of this id.

    Nobody is fenced by it, as beginning one would; so that they may be seen and not be made goes unnoticed.
    """
    with _asking(connection) as admin:
        try:
            _once_started(connection, lambda: admin.describe_transactions([transactional_id]))
        except TransactionalIdNotFoundError:
            return


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
