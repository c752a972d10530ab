"""Whether an MQTT broker answers in the clear, where a client that speaks TLS could not begin."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

__all__ = ["answers_plainly"]

PATIENCE: Final = 2.0
"""Seconds for each step."""

CONNECT: Final = b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x00"
"""A connection of nobody (MQTT 5.0 section 3.1): version 5, clean start, 10 s, no properties, an empty client id."""

CONNACK: Final = b"\x20"
"""What each broker's answer to it begins with, also where it refuses."""


def answers_plainly(host: str, port: int) -> bool:
    """Whether it does; no secret is sent. False also where nobody can be reached."""
    with suppress(OSError), socket.create_connection((host, port), PATIENCE) as plain:
        plain.sendall(CONNECT)
        return plain.recv(1) == CONNACK
    return False
