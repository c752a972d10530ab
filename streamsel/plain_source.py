"""The name of a source without what may be secret in it, since names go into records, files and logs.

Cameras are often named by the URL that they are read from, and that may hold a login: before the host, in the query, or
in the path, as in `rtsp://host/user=admin&password=...&channel=1.sdp`. This is the one place that leaves it out.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

__all__ = ["plain_source"]

PARTED: Final = re.compile(r"([/?#&;])")
ADDRESS: Final = re.compile(r"^(?:\[[0-9A-Fa-f:.]+\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?::[0-9]{1,5})?(?=[/?#])")
"""A host that is no user: nobody is named like an address of IP."""
WORDS: Final = r"(?:user|usr|login|pass|pwd|psw|token|secret|key|auth|sig|cred|session)"
SHORT: Final = r"(?<![a-z0-9])(?:u|p|pw|pin)="
TELLING: Final = re.compile(rf"{WORDS}|{SHORT}", re.IGNORECASE)
"""What a query has in it that says who asks."""
GIVEN: Final = re.compile(rf"{WORDS}[^=]*=|{SHORT}", re.IGNORECASE)
"""The same of a path, where `/login/` or `/keys/` is nothing but a name."""
CAMERA: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:cam|camera|ch|channel|chn|input|stream|subtype|track)=[0-9]{1,3}(?![A-Za-z0-9%])"
)
"""What tells cameras of one recorder apart; so few digits are no secret."""


def plain_source(name: str) -> str:
    """A URL without a login and without what follows one in its path or query, but for numbers of cameras.

    Another name stays as it is. Where a URL can be read in two ways, as `rtsp://a:12/b@c`, b may be of a password and
    is left out. Applied twice it changes nothing more.
    """
    scheme, mark, rest = name.partition("://")
    return f"{scheme}{mark}{_told(_behind_login(rest))}" if mark else name


def _behind_login(rest: str) -> str:
    """What follows user and password, also of those that have an @ or one of /?# in them."""
    before, at, behind = rest.rpartition("@")
    if not at or ("@" not in PARTED.split(rest)[0] and ":" not in ADDRESS.sub("", before, count=1)):
        return rest
    return behind if _told(before) == before else "&".join(CAMERA.findall(rest))  # that @ may be of a password, too


def _told(rest: str) -> str:
    """Host, path and query up to the first that is secret, and the numbers behind it."""
    parts = PARTED.split(rest)
    query = next((place for place, part in enumerate(parts) if part in ("?", "#")), len(parts))
    for place in range(0, len(parts), 2):
        if (TELLING if place > query else GIVEN).search(unquote(parts[place])):
            kept = "&".join(CAMERA.findall("".join(parts[place:])))
            return "".join(parts[: place if kept else max(place - 1, 0)]) + kept
    return rest
