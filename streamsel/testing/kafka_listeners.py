"""Where a broker beside a test listens, and what its configuration says."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Self

__all__ = ["Listeners", "free_ports"]

PORTS: Final = range(20_000, 30_000)
"""Below those that outgoing connections get: a client that calls a stopped broker must not meet itself."""

GUARDED: Final = ("SASL_SSL", "SASL_PLAINTEXT", "SSL")

SETTINGS: Final[Mapping[str, object]] = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500,  # of 10 s: whoever was killed left one open
    "group.initial.rebalance.delay.ms": 0,
    "broker.heartbeat.interval.ms": 500,
    "broker.session.timeout.ms": 3000,  # so long the controller waits for one that was killed
    "log.cleaner.dedupe.buffer.size": 8 << 20,  # of a heap of 256 MB
}


@dataclass(frozen=True, slots=True)
class Listeners:
    """ports: by the listener's name, which is that of its security protocol, and CONTROLLER."""

    ports: Mapping[str, int]

    @classmethod
    def free(cls, *, guarded: bool, port: int | None) -> Self:
        """Some that nothing listens on. guarded: those that ask for a login too. port: of the one for clients."""
        names = ["CONTROLLER", "PLAINTEXT", *(GUARDED if guarded else ())]
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        return cls(ports if port is None else ports | {GUARDED[0] if guarded else "PLAINTEXT": port})

    def server(self, name: str) -> str:
        """`host:port` of one."""
        return f"127.0.0.1:{self.ports[name]}"

    def settings(self, folder: Path) -> Mapping[str, object]:
        """The configuration of a broker that listens here and keeps its data in this folder."""
        listed = {name: f"{name}://{self.server(name)}" for name in self.ports}
        protocols = {name: "PLAINTEXT" if name == "CONTROLLER" else name for name in self.ports}
        return {
            **SETTINGS,
            "log.dirs": folder,
            "listeners": ",".join(listed.values()),
            "advertised.listeners": ",".join(text for name, text in listed.items() if name != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "controller.quorum.voters": f"1@{self.server('CONTROLLER')}",
        }


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    found = (port for port in random.sample(PORTS, len(PORTS)) if _is_free(port))
    return list(islice(found, count))


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
