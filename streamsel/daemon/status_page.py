"""What a service says of itself over HTTP: the server, and the two pages of a consumer, /metrics and /healthz."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from streamsel.daemon.metrics import Metrics
from streamsel.errors import UsageError

__all__ = ["Answer", "Routes", "reached", "served", "status_page"]

log: Final = logging.getLogger("streamsel.daemon")

POLL: Final = 0.1
"""Seconds that leaving may wait for the server's thread."""


@dataclass(frozen=True, slots=True)
class Answer:
    """kind: content type of the body. status: of HTTP. headers: more of them."""

    kind: str
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Routes = Callable[[str], Answer]
"""The path that a URL asks for, as it came but without its query -> what is there, or says that nothing is."""


def status_page(address: str | None, metrics: Metrics) -> AbstractContextManager[int | None]:
    """Serves /metrics and /healthz; see `served`."""
    return served(address, partial(_counts, metrics))


@contextmanager
def served(address: str | None, routes: Routes, *, guarded: bool = False) -> Iterator[int | None]:
    """Answers at `host:port` in threads until left; gives the port, 0 in the address is any free one.

    host: a name or address of IPv4, or one of IPv6 in brackets. guarded: on loopback, whoever asks by a name other
    than localhost is refused, lest a web site read it through the browser of somebody here (DNS rebinding).

    None: serves nothing. Raises UsageError where the address cannot be listened on.
    """
    if address is None:
        yield None
        return
    host, _, port = address.rpartition(":")
    try:
        server = _server(host)((host.strip("[]"), int(port)), _handler(routes, guarded))
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"metrics: cannot listen on {address}: {why}; choose another port or address") from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(POLL,), name="status page", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reached(address: str | None, port: int | None) -> str | None:
    """Where it is served, as `served` gave the port: `host:port`; None: nowhere."""
    return None if address is None else f"{address.rpartition(':')[0]}:{port}"


def _server(host: str) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A reader that went away is no news; what else went wrong is one line."""
            error = sys.exception()
            if not isinstance(error, OSError):
                log.warning("status page: %s: %s", type(error).__name__, error)

    return Server


def _handler(routes: Routes, guarded: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if guarded and _foreign(str(self.connection.getsockname()[0]), self.headers.get("Host", "")):
                self._answer(Answer("text/plain", b"ask for it by its address, or as localhost\n", 403))
            else:
                self._answer(routes(self.path.partition("?")[0]))

        def _answer(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Every look at the page is no news."""

    return Handler


def _foreign(ours: str, asked: str) -> bool:
    """Whether loopback was asked for by another name than its own; programs of old send none."""
    if not asked or not ip_address(ours.partition("%")[0]).is_loopback:
        return False
    try:
        name = urlsplit(f"//{asked}").hostname or ""
        return name != "localhost" and not ip_address(name)
    except ValueError:  # no address, so it is a name
        return True


def _counts(metrics: Metrics, path: str) -> Answer:
    if path == "/metrics":
        return Answer(metrics.content_type, metrics.page())
    if path == "/healthz":
        ill = metrics.illness
        return Answer("text/plain", f"{ill or 'ok'}\n".encode(), 503 if ill else 200)
    return Answer("text/plain", b"there are /metrics and /healthz\n", 404)
