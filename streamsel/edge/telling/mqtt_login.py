"""As whom, and how protected, an MQTT broker is spoken to."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

from streamsel.config.edge import EdgeMqtt
from streamsel.errors import UsageError
from streamsel.topic.secret import Secret, secret_of

__all__ = ["login", "protection"]

PREFIX = "STREAMSEL_MQTT"


def login(config: EdgeMqtt, environ: Mapping[str, str] = os.environ) -> tuple[str, Secret | None] | None:
    """Username and password; None: nobody in particular. The password's file is read anew at each call.

    What the config leaves out, the environment says: STREAMSEL_MQTT_USERNAME, and STREAMSEL_MQTT_PASSWORD or
    STREAMSEL_MQTT_PASSWORD_FILE. Raises UsageError where the file cannot be read, or a password is nobody's.
    """
    given = {} if config.password_file is None else {"password_file": str(config.password_file)}
    password = secret_of("password", given, environ, PREFIX)
    username = config.username or environ.get(f"{PREFIX}_USERNAME", "")
    if password and not username:
        raise UsageError(f"mqtt: a password without a username; give username, or set {PREFIX}_USERNAME")
    return (username, password) if username else None


def protection(config: EdgeMqtt) -> ssl.SSLContext | None:
    """TLS 1.2 or later, trusting the certificates of `ca`, else those of the system; None: none is asked for.

    Raises UsageError where `ca` cannot be used.
    """
    if not (config.tls or config.ca):
        return None
    try:
        context = ssl.create_default_context(cafile=config.ca)
    except ssl.SSLError as error:
        raise UsageError(f"{config.ca}: expected certificates to trust (PEM): {error.reason or error}") from None
    except OSError as error:
        raise UsageError(f"{config.ca}: cannot be read: {error.strerror}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
