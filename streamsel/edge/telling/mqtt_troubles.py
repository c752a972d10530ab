"""What went wrong with an MQTT broker, in one line for the user: what, and what to do; never a secret."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from ssl import SSLCertVerificationError, SSLError
from typing import Final

from streamsel.errors import StreamselError

__all__ = ["FAILED", "HANGS_UP", "LASTING", "LOST", "PLAIN", "of_connecting", "of_reason", "passes"]

FAILED: Final = 0x80
"""Reason codes from here on are failures (MQTT 5.0 section 2.4)."""

LASTING: Final[Mapping[int, str]] = {
    0x90: "topic name invalid",
    0x95: "packet too large",
    0x99: "payload format invalid",
}
"""Why a broker will never take a message, however often it is sent: what is wrong is the message itself."""

HANGS_UP: Final = "the broker hangs up before it lets anybody in; does it expect TLS (tls, ca)? check the port"

PLAIN: Final = "the broker answers there in the clear, without TLS; leave tls and ca out, or give its port for TLS"

LOST: Final = "the connection was lost; where that goes on, is a copy of the state folder in use elsewhere?"
"""mosquitto 2.0 does not always say that somebody else came with the same client id."""

REASONS: Final[Mapping[int, str]] = {
    0x84: "the broker does not speak MQTT 5; it needs one that does, such as mosquitto 1.6 or later",
    0x85: "the broker does not take the client id; allow ids of 23 letters and digits there",
    0x86: "the broker refuses the login; check username and password_file",
    0x87: "the broker does not allow it; check username and password_file, and the user's right to publish",
    0x88: "the broker is not available now; it is tried again",
    0x89: "the broker is busy; it is tried again",
    0x8A: "the broker has banned this client; ask who runs it",
    0x8B: "the broker shuts down; it is tried again",
    0x8D: "the broker heard nothing for too long; is the line overloaded?",
    0x8E: "another process connects as the same sender; is a copy of the state folder in use?",
    0x95: "a message is larger than the broker takes; raise its limit",
    0x97: "the broker's quota is used up; raise it there",
    0x98: "an administrator of the broker ended the connection; it is tried again",
    0x9B: "the broker does not take QoS 1; allow it there",
    0x9C: "the broker says to use another server; change server",
    0x9D: "the broker has moved; change server",
    0x9F: "the broker allows fewer connections in this time; it is tried again",
}


PASSING: Final = frozenset(REASONS[code] for code in (0x88, 0x89, 0x8B, 0x98, 0x9F))
"""What a broker says of itself that will be over, whatever anybody does."""


def passes(error: Exception) -> bool:
    """Whether a broker is merely away: nothing has to be mended in the config or there."""
    return (isinstance(error, OSError) and not isinstance(error, SSLError)) or str(error) in PASSING


def of_reason(code: int, name: str) -> str:
    """What a broker means by a reason code, by which it refuses or ends something. name: as the standard calls it."""
    return REASONS.get(code, f"the broker says: {name.lower()} (0x{code:02X}); look into its log")


def of_connecting(error: Exception) -> str:
    """Why there is no connection."""
    if isinstance(error, StreamselError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return "no such host is known here; check server, and this machine's DNS"
    if isinstance(error, SSLCertVerificationError):
        return f"the broker's certificate is not trusted: {error.verify_message}; check ca and the broker's name"
    if isinstance(error, SSLError):
        return f"TLS fails: {error.reason or 'the broker hangs up'}; does the broker speak TLS on this port?"
    if isinstance(error, TimeoutError):
        return "no broker answers in time; check server, and the network up to there"
    if isinstance(error, OSError) and error.errno:
        return f"no broker answers: {os.strerror(error.errno).lower()}; check server, and that it runs"
    return f"no broker answers: {type(error).__name__}; check server, and that it runs"
