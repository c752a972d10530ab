"""Servers that run beside a test: files by HTTP, with and without ranges, and a camera by RTSP."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["camera", "web"]

SYSTEM_PYTHON = "/usr/bin/python3"


@contextmanager
def web(folder: Path, *, ranges: bool = True, most: int | None = None) -> Iterator[str]:
    """Serve a folder's files at a URL, which is yielded without a slash at its end.

    ranges: whether a client may ask for a part. most: bytes after which each answer breaks off.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, folder, ranges, most))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def camera(video: Path, password: str = "", *, port: int = 0) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Show an H.264 mp4 once, in real time, at rtsp://127.0.0.1:PORT/camera; yields the port and the process.

    port: 0 is any free one.
    Raises RuntimeError where the system has no GStreamer with its RTSP server and Python bindings.
    """
    script = Path(__file__).with_name("rtsp_server.py")
    environment = {**os.environ, "RTSP_PASSWORD": password}
    command = [SYSTEM_PYTHON, str(script), str(video), str(port)]
    process = subprocess.Popen(command, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        told = process.stdout.readline() if process.stdout else ""
        if not told.strip().isdigit():
            raise RuntimeError("GStreamer's RTSP server is missing on this system: run `make deps`")
        yield int(told), process
    finally:
        process.kill()
        process.communicate()


class _Files(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def __init__(self, folder: Path, ranges: bool, most: int | None, *request: object) -> None:
        self._folder, self._ranges, self._most = folder, ranges, most
        super().__init__(*request)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self._folder / unquote(urlsplit(self.path).path).lstrip("/")
        if not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        data = path.read_bytes()
        first = self._first()
        self.send_response(HTTPStatus.PARTIAL_CONTENT if first is not None else HTTPStatus.OK)
        if first is not None:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - (first or 0)))
        self.end_headers()
        part = data[first or 0 :]
        self.wfile.write(part if self._most is None else part[: self._most])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _first(self) -> int | None:
        """The first byte asked for; None: the whole file."""
        asked = re.fullmatch(r"bytes=(\d+)-\d*", self.headers.get("Range", ""))
        return int(asked[1]) if asked and self._ranges else None
