"""The name of a source without what may be secret in it, since names go into records, files and logs.

Cameras are often named by the URL that they are read from, and that may hold a login.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["plain_source"]

URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.DOTALL)
"""Scheme, authority and the rest (RFC 3986)."""
HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]*)(:[0-9]*)?")
TELLING: Final = re.compile(r"user|login|pass|pwd|token|secret|key|auth|sig|cred", re.IGNORECASE)
"""What a query has in it that says who asks."""


def plain_source(name: str) -> str:
    """A URL without user and password, and without a query or fragment that may hold them; another name as it is."""
    found = URL.fullmatch(name)
    if found is None:
        return name
    scheme, authority, rest = found.groups()
    host = authority.rpartition("@")[2]
    if HOST.fullmatch(host) is None and "@" in rest:  # of a password that has one of /?# in it
        host, rest = "", rest.rpartition("@")[2]
    told = re.search(r"[?#]", rest)
    if told and TELLING.search(rest, told.start()):
        rest = rest[: told.start()]
    return f"{scheme}{host}{rest}"
