"""Whether a port speaks TLS: asked where a client could not begin, to tell what to mend."""

from __future__ import annotations

import socket
import ssl

__all__ = ["speaks_tls"]


def speaks_tls(host: str, port: int, patience: float) -> bool:
    """Whether a handshake gets as far as the other side's greeting; whom it would trust is another matter.

    patience: seconds for each step. Raises OSError where nobody can be connected to.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port), patience) as plain:
        try:
            context.wrap_socket(plain).close()
        except ssl.SSLError as error:
            return "ALERT" in (error.reason or "")  # it answered in TLS, and wants more than we have
        except OSError:
            return False
    return True
