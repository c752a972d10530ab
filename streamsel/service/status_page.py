"""/metrics and /healthz over HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from streamsel.errors import UsageError
from streamsel.service.metrics import Metrics

__all__ = ["status_page"]


@contextmanager
def status_page(address: str | None, metrics: Metrics) -> Iterator[int | None]:
    """Serves metrics at `host:port` in a thread until left; gives the port, 0 in the address is any free one.

    host: a name or address of IPv4, or one of IPv6 in brackets.

    None: serves nothing. Raises UsageError where the address cannot be listened on.
    """
    if address is None:
        yield None
        return
    host, _, port = address.rpartition(":")
    try:
        server = _server(host)((host.strip("[]"), int(port)), _handler(metrics))
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"metrics: cannot listen on {address}: {why}; choose another port or address") from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="status page", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(host: str) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, metrics.content_type, metrics.page())
            elif self.path == "/healthz":
                well = metrics.healthy
                self._answer(200 if well else 503, "text/plain", b"ok\n" if well else b"the loop stands still\n")
            else:
                self._answer(404, "text/plain", b"there are /metrics and /healthz\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Every look at the page is no news."""

    return Handler
