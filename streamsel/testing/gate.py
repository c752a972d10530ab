"""A camera at one address that comes and goes."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Self

from streamsel.testing.servers import camera

__all__ = ["Gate", "free_port"]


class Gate:
    """Shows films by RTSP at one address; nobody answers there before the first one, and after it `goes`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"rtsp://127.0.0.1:{self.port}/camera"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.goes()

    def shows(self, film: Path) -> Popen[str]:
        """From now on, to each who connects from its beginning; the process of its server."""
        self.goes()
        _, process = self._stack.enter_context(camera(film, port=self.port))
        return process

    def goes(self) -> None:
        """Its address answers no more."""
        self._stack.close()


def free_port() -> int:
    """One of this machine at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
