"""What OAUTHBEARER presents: a token, read anew for each login where it comes from a file (RFC 7628)."""

from __future__ import annotations

from pathlib import Path

from kafka.net.sasl.oauth import AbstractTokenProvider  # type: ignore[import-untyped]

from streamsel.topic.secret import Secret

__all__ = ["FileToken", "GivenToken"]


class GivenToken(AbstractTokenProvider):  # type: ignore[misc]
    """A token that stays the same: the client fails when it has run out."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def token(self) -> str:
        """The token."""
        return self._token


class FileToken(AbstractTokenProvider):  # type: ignore[misc]
    """A token that something else keeps fresh in a file: read at each login, so also at each renewal of a session."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self) -> str:
        """The token as the file has it now. Raises UsageError where it cannot be read."""
        return Secret.read(self._path)
