"""What a port speaks, where a client could not begin: whether TLS is wanted there, or is not spoken."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import Final

from kafka.errors import KafkaConnectionError  # type: ignore[import-untyped]

from streamsel.speaks_tls import speaks_tls

__all__ = ["PlainError", "TlsError", "misspoken"]

PATIENCE: Final = 2.0
"""Seconds for each step of a trial."""

API_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, 7, -1)
"""The request that every broker answers before a login: its length, key 18 in version 0, number 7, nobody's."""

Place = tuple[str, int]


class TlsError(KafkaConnectionError):  # type: ignore[misc]
    """The client spoke in the clear, and the port speaks TLS."""


class PlainError(KafkaConnectionError):  # type: ignore[misc]
    """The client spoke TLS, and a broker answers there in the clear."""


def misspoken(places: Iterable[Place], *, encrypted: bool) -> KafkaConnectionError | None:
    """Why no client that speaks so will ever be let in there; None: not known. encrypted: whether it speaks TLS.

    places: host and port; the first one that can be connected to tells. Takes some seconds at most for each.
    """
    for place in places:
        try:
            if encrypted:
                return PlainError() if _answers_plainly(place) else None
            return TlsError() if speaks_tls(*place, PATIENCE) else None
        except OSError:
            continue
    return None


def _answers_plainly(place: Place) -> bool:
    with socket.create_connection(place, PATIENCE) as plain:
        try:
            plain.sendall(API_VERSIONS)
            return plain.recv(8, socket.MSG_WAITALL)[4:] == API_VERSIONS[8:12]
        except OSError:
            return False
