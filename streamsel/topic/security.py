"""How a broker is spoken to: in the clear or by TLS, and as whom.

Mechanisms: PLAIN (RFC 4616), SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677), OAUTHBEARER (RFC 7628).
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Self

from streamsel.errors import UsageError
from streamsel.topic.secret import Secret, secret_of

__all__ = ["KEYS", "MECHANISMS", "PROTOCOLS", "Security"]

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
SECRETS: Final = ("password_file", "password_env", "token_file", "token_env")
KEYS: Final = ("protocol", "mechanism", "username", "ca", "certificate", "key", *SECRETS)
"""What a config may say."""

PREFIX: Final = "STREAMSEL_KAFKA"


@dataclass(frozen=True, slots=True)
class Security:
    """What a client needs to know to be let in; nothing: no TLS, no login.

    protocol: one of PROTOCOLS. mechanism: one of MECHANISMS, for the SASL protocols. username, password: for PLAIN and
    SCRAM. ca: certificates (PEM) that are trusted in place of the system's. certificate, key: the client's own (PEM),
    the key without a password. token, or token_file, which is read anew for each login: for OAUTHBEARER.
    Raises UsageError where the parts do not fit together.
    """

    protocol: str = "PLAINTEXT"
    mechanism: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    token: str = field(default="", repr=False)
    token_file: Path | None = None

    @classmethod
    def of(cls, given: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Self:
        """As a config says (KEYS); what it leaves out, the environment says (STREAMSEL_KAFKA_...).

        Variables: SECURITY (the protocol), MECHANISM, USERNAME, PASSWORD, PASSWORD_FILE, CA, CERTIFICATE, KEY, TOKEN,
        TOKEN_FILE. Without a protocol it is SASL_SSL for a user or a token, SSL for a certificate, else PLAINTEXT.
        Without a mechanism it is OAUTHBEARER for a token and SCRAM-SHA-512 for a user. A password or token in the
        config itself is refused: it would be read by whoever reads the config. Raises UsageError.
        """
        environ = os.environ if environ is None else environ
        _check_keys(given)
        texts = {name: str(value) for name, value in given.items() if value is not None}
        password = secret_of("password", texts, environ, PREFIX)
        token_file = None if "token_env" in texts else _said("token_file", texts, environ)
        token = None if token_file else secret_of("token", texts, environ, PREFIX)
        username = _said("username", texts, environ)
        ca, certificate, key = (_path(_said(name, texts, environ)) for name in ("ca", "certificate", "key"))
        bearer = bool(token or token_file)
        protocol = _said("protocol", texts, environ) or _protocol(bearer or bool(username), bool(ca or certificate))
        mechanism = _said("mechanism", texts, environ) or _mechanism(bearer, username)
        return cls(
            protocol=protocol.upper(),
            mechanism=mechanism.upper(),
            username=username,
            password=password or "",
            ca=ca,
            certificate=certificate,
            key=key,
            token=token or "",
            token_file=_path(token_file or ""),
        )

    def __post_init__(self) -> None:
        for name in ("password", "token"):
            object.__setattr__(self, name, Secret(getattr(self, name)))
        wrong = self._wrong_names() or self._wrong_login() or self._wrong_files()
        if wrong:
            raise UsageError(f"security: {wrong}")

    @property
    def encrypted(self) -> bool:
        """Whether by TLS."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def login(self) -> bool:
        """Whether as somebody, by SASL."""
        return self.protocol.startswith("SASL_")

    def client_options(self) -> dict[str, Any]:
        """Options of kafka-python's clients. Raises UsageError where a certificate's file cannot be used."""
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.encrypted:
            options["ssl_context"] = self._tls()
        if self.login:
            options |= {"sasl_mechanism": self.mechanism, **self._presented()}
        return options

    def _presented(self) -> dict[str, Any]:
        if self.mechanism == "OAUTHBEARER":
            from streamsel.topic.login import FileToken, GivenToken

            token = FileToken(self.token_file) if self.token_file else GivenToken(Secret(self.token))
            return {"sasl_oauth_token_provider": token}
        return {"sasl_plain_username": self.username, "sasl_plain_password": self.password}

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        ca, certificate, key = self.ca, self.certificate, self.key
        if ca is None:
            context.load_default_certs()
        else:
            _usable(ca, "certificates to trust (PEM)", lambda: context.load_verify_locations(ca))
        if certificate is not None:
            # The empty password: without one, a locked key would make the client ask on the terminal.
            what = "a certificate (PEM) that fits its key, the key without a password"
            _usable(certificate, what, lambda: context.load_cert_chain(certificate, key, password=""))
        return context

    def _wrong_names(self) -> str:
        if self.protocol not in PROTOCOLS:
            return f"unknown protocol {self.protocol!r}; one of {', '.join(PROTOCOLS)}"
        if self.mechanism and self.mechanism not in MECHANISMS:
            return f"unknown mechanism {self.mechanism!r}; one of {', '.join(MECHANISMS)}"
        return ""

    def _wrong_login(self) -> str:
        bearer = self.token or self.token_file
        if not self.login:
            given = self.mechanism or self.username or self.password or bearer
            return (
                f"{self.protocol} has no login; SASL_SSL has, or leave mechanism, user and token out" if given else ""
            )
        if not self.mechanism:
            return f"{self.protocol} needs a mechanism: {', '.join(MECHANISMS)}"
        if self.mechanism == "OAUTHBEARER":
            return "" if bearer else "OAUTHBEARER needs a token: token_file or token_env"
        missing = not (self.username and self.password)
        return f"{self.mechanism} needs username and password_file or password_env" if missing else ""

    def _wrong_files(self) -> str:
        if not self.encrypted and (self.ca or self.certificate or self.key):
            return f"{self.protocol} has no certificates; SSL and SASL_SSL have, or leave ca, certificate and key out"
        return "a key without its certificate" if self.key and not self.certificate else ""


def _said(name: str, given: Mapping[str, str], environ: Mapping[str, str]) -> str:
    variable = f"{PREFIX}_{'SECURITY' if name == 'protocol' else name.upper()}"
    return given.get(name) or environ.get(variable, "")


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def _protocol(login: bool, certificates: bool) -> str:
    return "SASL_SSL" if login else "SSL" if certificates else "PLAINTEXT"


def _mechanism(bearer: bool, username: str) -> str:
    return "OAUTHBEARER" if bearer else "SCRAM-SHA-512" if username else ""


def _check_keys(given: Mapping[str, object]) -> None:
    for name in given:
        if name in ("password", "token"):
            raise UsageError(f"security: a {name} is not written into a config; use {name}_file or {name}_env")
        if name not in KEYS:
            near = get_close_matches(str(name), KEYS, n=1)
            hint = f" did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"security: unknown key {name!r};{hint} allowed: {', '.join(KEYS)}")


def _usable(file: Path, what: str, load: Callable[[], None]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        raise UsageError(f"{file}: expected {what}: {error.reason or error}") from None
    except OSError as error:
        raise UsageError(f"{error.filename or file}: cannot be read: {error.strerror or error}") from None
