"""What makes a broker ask who is there: its own certificate authority, users, and rights.

Made anew for each broker, by the openssl command. The user `streamsel` may do everything, `guest` may log in and
nothing else until rules (ACLs) let it.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from streamsel.errors import SourceError

__all__ = ["Safety"]

MECHANISMS: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")
EXTENSIONS: Final = "subjectAltName=DNS:localhost,IP:127.0.0.1"
MODULES: Final = "org.apache.kafka.common.security"
KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Safety:
    """Users, certificates and rights of one broker.

    ca: the authority's certificate, PEM; certificate, key: of the user `streamsel`, for TLS both ways.
    password, guest_password: of the users `streamsel` and `guest`, for SCRAM and PLAIN.
    """

    ca: Path
    certificate: Path
    key: Path
    server: Path = field(repr=False)
    username: str = "streamsel"
    guest: str = "guest"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    guest_password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Make its certificates in this folder. Raises SourceError where openssl is missing or too old."""
        folder.mkdir(parents=True, exist_ok=True)
        ca, ca_key = folder / "ca.pem", folder / "ca.key"
        _openssl("req", "-x509", *KEY, "-keyout", ca_key, "-out", ca, "-days", "30", "-subj", "/CN=streamsel tests")
        certificate, key = _signed(folder, "streamsel", ca, ca_key)
        chain, server_key = _signed(folder, "localhost", ca, ca_key)
        server = folder / "server.pem"
        server.write_text(server_key.read_text() + chain.read_text())
        return cls(ca, certificate, key, server)

    @property
    def scram(self) -> list[str]:
        """What formats a broker's folder so that it knows the users."""
        users = {self.username: self.password, self.guest: self.guest_password}
        entries = (f"[name={name},password={password}]" for name, password in users.items())
        return [word for entry in entries for kind in MECHANISMS for word in ("--add-scram", f"{kind}={entry}")]

    @property
    def settings(self) -> Mapping[str, object]:
        """What the broker's configuration says of it."""
        return {
            "sasl.enabled.mechanisms": ",".join((*MECHANISMS, "PLAIN", "OAUTHBEARER")),
            **self._logins("sasl_ssl"),
            **self._logins("sasl_plaintext"),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.server,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.ca,
            "listener.name.ssl.ssl.client.auth": "required",
            "listener.name.ssl.ssl.principal.mapping.rules": "RULE:^CN=([^,]*).*$/$1/",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:{self.username}",
        }

    def token(self, user: str = "streamsel", seconds: float = 3600) -> str:
        """An unsigned token of OAUTHBEARER (RFC 7519 section 6), which the broker takes for this user."""
        now = time.time()
        parts = ({"alg": "none"}, {"sub": user, "iat": now, "exp": now + seconds})
        return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."

    def _logins(self, listener: str) -> Mapping[str, str]:
        """Which module checks the users of which mechanism."""
        users = f'user_{self.username}="{self.password}" user_{self.guest}="{self.guest_password}"'
        modules = {
            **dict.fromkeys(map(str.lower, MECHANISMS), f"{MODULES}.scram.ScramLoginModule required;"),
            "plain": f"{MODULES}.plain.PlainLoginModule required {users};",
            "oauthbearer": f"{MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=none;",
        }
        return {f"listener.name.{listener}.{name}.sasl.jaas.config": module for name, module in modules.items()}


def _signed(folder: Path, name: str, ca: Path, ca_key: Path) -> tuple[Path, Path]:
    """Certificate and key of one name, signed by the authority."""
    certificate, key, request, extensions = (folder / f"{name}.{kind}" for kind in ("pem", "key", "csr", "ext"))
    extensions.write_text(EXTENSIONS)
    _openssl("req", *KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    signing = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "30", "-extfile", extensions)
    _openssl("x509", "-req", "-in", request, "-out", certificate, *signing)
    return certificate, key


def _openssl(*arguments: str | Path) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SourceError("a broker with TLS needs the openssl command: install openssl") from error
    if done.returncode:
        raise SourceError(f"openssl {arguments[0]} failed: {done.stderr.strip().splitlines()[-1]}")
