"""A connection by TLS whose handshake ends; that of the library (kafka-python 3.0.12) waits for good at a port that
takes connections and says nothing, or stops in the midst of it."""

from __future__ import annotations

import ssl
from typing import Any

from kafka.errors import KafkaConnectionError, KafkaTimeoutError  # type: ignore[import-untyped]
from kafka.net.transport import KafkaSSLTransport  # type: ignore[import-untyped]

__all__ = ["Encrypted"]


class Encrypted(KafkaSSLTransport):  # type: ignore[misc]
    """See there. until: when the handshake is given up, by the monotonic clock; None: never."""

    def __init__(self, *args: Any, until: float | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._until = until

    async def handshake(self) -> None:
        """Raises KafkaConnectionError, and leaves no socket open, where it fails or its time is over."""
        try:
            await self._agreed()
        except KafkaTimeoutError:
            self.close()
            raise KafkaConnectionError("the TLS handshake comes to no end") from None
        except Exception as error:
            self.close()
            raise KafkaConnectionError(f"the TLS handshake fails: {error}") from None

    async def _agreed(self) -> None:
        while True:
            try:
                self._sock.do_handshake()
                return
            except ssl.SSLWantReadError:
                await self._net.wait_read(self._sock, self._until)
            except ssl.SSLWantWriteError:
                await self._net.wait_write(self._sock, self._until)
