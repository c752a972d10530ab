"""A way to a server that falls silent in the midst of what it says."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import Final, Self

__all__ = ["Stalling"]

HOST: Final = "127.0.0.1"


class Stalling:
    """Takes connections at `server`, host:port, and passes all that is said on to another server, of what that says on
    each so many bytes; then nothing more comes, and nobody hangs up. Until it `heals`: then it passes all of it on."""

    def __init__(self, server: str, passed: int) -> None:
        self._host, _, port = server.rpartition(":")
        self._port, self._passed = int(port), passed
        self._listener = socket.create_server((HOST, 0))
        self.server = f"{HOST}:{self._listener.getsockname()[1]}"
        self.taken = self.open = 0
        """Connections that were taken, and those of them that whoever made them has not closed."""

    def __enter__(self) -> Self:
        Thread(target=self._take, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def heals(self) -> None:
        """What it stopped stays so; connections from now on are as good as those to the server."""
        self._passed = 1 << 62

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection((self._host, self._port))
                self.taken, self.open = self.taken + 1, self.open + 1
                Thread(target=self._up, args=(near, far), daemon=True).start()
                Thread(target=_pass_on, args=(far, near, self._passed), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        _pass_on(near, far, 1 << 62)
        self.open -= 1
        near.close()
        far.close()


def _pass_on(one: socket.socket, other: socket.socket, most: int) -> None:
    with suppress(OSError):
        while most and (data := one.recv(min(most, 1 << 16))):
            other.sendall(data)
            most -= len(data)
