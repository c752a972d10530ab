"""Brokers that hold each other's records, on this machine: one of three may be killed, and nothing is lost.

with Cluster(tmp_path) as cluster:
    cluster.create("pictures", 4)
    cluster.members[cluster.leader("pictures")].kill()
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self

from kafka.admin import KafkaAdminClient  # type: ignore[import-untyped]
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from streamsel.testing.kafka_broker import Broker, Served, new_cluster
from streamsel.testing.kafka_listeners import Listeners, free_ports

__all__ = ["GROUPS", "TRANSACTIONS", "Cluster"]

MEMBERS: Final = 3
IN_SYNC: Final = 2
SETTINGS: Final[Mapping[str, object]] = {
    "default.replication.factor": MEMBERS,
    "min.insync.replicas": IN_SYNC,
    "offsets.topic.replication.factor": MEMBERS,
    "transaction.state.log.replication.factor": MEMBERS,
    "transaction.state.log.min.isr": IN_SYNC,
}
GROUPS: Final = "__consumer_offsets"
TRANSACTIONS: Final = "__transaction_state"
"""Topics, of one partition each, whose leader serves groups, and transactions."""


class Cluster(Served):
    """Three brokers, each a controller too: three replicas of each topic, of which two must have what is acknowledged.

    folder: an empty one. Raises as `Broker` does.
    """

    replicas = MEMBERS

    def __init__(self, folder: Path) -> None:
        ports = free_ports(2 * MEMBERS)
        listeners = [Listeners({"CONTROLLER": ports.pop(), "PLAINTEXT": ports.pop()}) for _ in range(MEMBERS)]
        voters = ",".join(f"{node}@{one.server('CONTROLLER')}" for node, one in enumerate(listeners))
        cluster = new_cluster()
        self.members = [
            Broker(
                folder / f"broker-{node}",
                settings={**SETTINGS, "node.id": node, "controller.quorum.voters": voters},
                listeners=one,
                cluster=cluster,
            )
            for node, one in enumerate(listeners)
        ]
        """By the number of their node."""
        super().__init__(tuple(server for one in self.members for server in one.servers))

    def __enter__(self) -> Self:
        for one in self.members:
            one.launch()
        for one in self.members:
            one.answers()
        return self

    def __exit__(self, *exc: object) -> None:
        for one in self.members:
            one.kill()

    def leader(self, topic: str, partition: int = 0) -> int:
        """The node that leads a partition."""
        return int(_by_number(self._described()[topic])[partition]["leader_id"])

    def in_sync(self) -> bool:
        """Whether every member has all that the others have."""
        try:
            described = self._described()
        except KafkaError:
            return False
        partitions = [one for topic in described.values() for one in topic["partitions"]]
        return all(len(one["isr_nodes"]) == MEMBERS for one in partitions)

    def _described(self) -> dict[str, Any]:
        with closing(KafkaAdminClient(bootstrap_servers=list(self.servers))) as admin:
            return {topic["name"]: topic for topic in admin.describe_topics()}


def _by_number(topic: Mapping[str, Any]) -> dict[int, Any]:
    return {one["partition_index"]: one for one in topic["partitions"]}
