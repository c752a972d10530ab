"""Why a URL could not be opened, in one line: its address without secrets, what is wrong, what to do.

Where libav says little (an unknown host is its `Input/output error`, one that cannot be reached its `Invalid data`),
the address is looked up, and a connection tried, once more.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from av.error import (
    HTTPForbiddenError,
    HTTPNotFoundError,
    HTTPServerError,
    HTTPUnauthorizedError,
    InvalidDataError,
    ProtocolNotFoundError,
)

from streamsel.decode.failure import away, failure
from streamsel.errors import SourceError
from streamsel.plain_source import plain_source
from streamsel.speaks_tls import speaks_tls

__all__ = ["unreached"]

PATIENCE: Final = 2.0
"""Seconds that an address gets to answer when it is asked again."""

PORTS: Final = {"http": 80, "https": 443, "rtmp": 1935, "rtmps": 443, "rtsp": 554, "rtsps": 322}

DATAGRAMS: Final = {"rtp", "srt", "udp"}

CLEAR: Final = {
    "https": ("http", b"OPTIONS * HTTP/1.0\r\n\r\n"),
    "rtsps": ("rtsp", b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
}
"""By scheme over TLS: the one without, and a question of that which tells nothing; its name begins the answer."""

REFUSED: Final = "connection refused; check the port, and that the other side runs"

MISWRITTEN: Final = (
    "wrong address: behind the host's : there is no port, which is a number from 1 to 65535; correct it, or, where user"
    " or password have them, write / ? # % and @ as %2F %3F %23 %25 and %40"
)


def unreached(name: str, url: str, error: Exception, late: float | None) -> SourceError:
    """What to raise: an AwayError where nobody has to mend anything. late: seconds that were waited in vain."""
    told = f"{name}: {plain_source(url)}"
    if not _has_port(url):
        return failure(told, MISWRITTEN)
    if late is not None:
        return away(told, f"timed out, no answer in {late:g} s; check the address, and that the other side runs")
    if isinstance(error, ConnectionRefusedError):
        return away(told, REFUSED)
    if mend := _to_mend(urlsplit(url), error):
        return failure(told, mend)
    if isinstance(error, HTTPServerError):
        return away(told, "the server fails, or is busy (5xx); look into its log, or start the camera anew")
    if found := _found_out(urlsplit(url)):
        return away(told, found)
    if plain := _plain(urlsplit(url)):
        return failure(told, f"answers there without TLS; write {plain}://, or give its port for TLS")
    why = getattr(error, "strerror", None) or type(error).__name__
    if isinstance(error, InvalidDataError | EOFError) or getattr(error, "errno", 0) == errno.EIO:
        return away(told, "what answers there sends no video, or hangs up; check the address, its port and its path")
    return away(told, f"cannot be opened as a video ({why}); check it in a player")


def _has_port(url: str) -> bool:
    """Whether its port is a port, or none; it is no number where a / of a password ends the host too early."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _to_mend(url: SplitResult, error: Exception) -> str:
    """What the other side will not like better later; empty: it is nothing of that."""
    match error:
        case HTTPUnauthorizedError() if url.username is None:
            return (
                f"asks for user and password (401); write {url.scheme}://USER:PASSWORD@HOST..., % and @ as %25 and %40"
            )
        case HTTPUnauthorizedError():
            return "wrong user or password (401); correct them in the URL, where % and @ are %25 and %40"
        case HTTPForbiddenError():
            return "not allowed (403); give this user the right to watch, in the settings of the camera"
        case HTTPNotFoundError():
            return "no such stream (404); check the path of the URL, which the camera's manual tells"
        case ProtocolNotFoundError():
            return f"{url.scheme}:// is not among what this libav reads; choose another way, such as rtsp or http"
    return ""


def _found_out(url: SplitResult) -> str:
    """What is wrong with the address itself; empty: somebody answers there, or it is not known how to ask."""
    try:
        port = url.port or PORTS.get(url.scheme.lower())
        if port and url.scheme.lower() not in DATAGRAMS:
            socket.create_connection((url.hostname or "", port), PATIENCE).close()
        else:
            socket.getaddrinfo(url.hostname or "", port)
    except socket.gaierror:
        return "no such host; check its name, and this machine's DNS"
    except TimeoutError:
        return "timed out; check the address, and that the other side runs"
    except ConnectionRefusedError:
        return REFUSED
    except OSError as error:
        return f"cannot be reached ({os.strerror(error.errno or 0).lower()}); check the address and the network"
    return ""


def _plain(url: SplitResult) -> str:
    """The scheme in which what was asked by TLS answers in the clear; empty: it does not, or speaks TLS as well: many a
    web server says in the clear that it wants TLS."""
    scheme, question = CLEAR.get(url.scheme.lower(), ("", b""))
    if not scheme:
        return ""
    place = url.hostname or "", url.port or PORTS[url.scheme.lower()]
    with suppress(OSError):
        if speaks_tls(*place, PATIENCE):
            return ""
        with socket.create_connection(place, PATIENCE) as clear:
            clear.sendall(question)
            return scheme if clear.recv(len(scheme)) == scheme.upper().encode() else ""
    return ""
