"""Tells systemd how it goes: ready, what it does, that it still turns, that it stops. Elsewhere it tells nobody.

The protocol is that of sd_notify(3): lines `NAME=value` in a datagram to the socket that $NOTIFY_SOCKET names.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

__all__ = ["Notifier"]

PATIENCE: Final = 1.0
"""Seconds at most that a message waits for room in the socket."""

LONGEST: Final = 500
"""Characters of a status."""


class Notifier:
    """Speaks for this process where it was started with $NOTIFY_SOCKET; else every call does nothing.

    environment: by default the process' own. now: seconds that never jump. No call raises: whether anybody listens
    changes nothing of the work.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, now: Callable[[], float] = time.monotonic) -> None:
        environment = os.environ if environment is None else environment
        self._to, self._now = _address(environment.get("NOTIFY_SOCKET", "")), now
        self._status, self._told = "", float("-inf")
        self.every = _every(environment) if self._to else None
        """Seconds within which `turned` is to be called again, or systemd kills the process; None: it does not."""

    def ready(self) -> None:
        """All that is needed is there; what comes later, such as a camera, is not waited for."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """A line for `systemctl status`; the same one again is not sent."""
        line = " ".join(text.split())[:LONGEST]
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def turned(self) -> None:
        """The loop came round: keeps the watchdog quiet, with four messages in the time that it grants."""
        if self.every is not None and self._now() - self._told >= self.every / 4:
            self._told = self._now()
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """What is in hand is finished, then it ends."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._to is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as outgoing:
            outgoing.settimeout(PATIENCE)
            outgoing.sendto(message.encode("utf-8", "replace"), self._to)


def _address(text: str) -> str | None:
    """Of a path or, with `@`, in Linux' own namespace; None for others, such as vsock of virtual machines."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _every(environment: Mapping[str, str]) -> float | None:
    """Seconds of the watchdog, where there is one and it watches this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    with suppress(ValueError):
        return int(environment.get("WATCHDOG_USEC", "0")) / 1e6 or None
    return None
