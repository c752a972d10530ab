"""CloudEvents in binary mode: what a record is, said in its headers (CNCF CloudEvents 1.0.2, Kafka protocol binding).

Attributes are headers `ce_<name>`, `content-type` says what the value is, the value is the data as it is. Where the
data lies elsewhere the extension `dataref` (CNCF, CloudEvents extensions) says where, and `sha256` what it must be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Self

from streamsel.errors import SourceError, UsageError

__all__ = ["SPEC_VERSION", "Event", "event_id"]

SPEC_VERSION: Final = "1.0"
NAME: Final = re.compile(r"[a-z0-9]+")
"""What an attribute may be called; the specification advises at most 20 letters."""

KNOWN: Final = ("id", "source", "type", "time", "subject", "dataref", "sha256")
TAKEN: Final = {*KNOWN, "specversion", "data", "datacontenttype"}
PREFIX: Final = "ce_"


@dataclass(frozen=True, slots=True)
class Event:
    """What a record's headers say.

    id: unique within source. source: URI reference of what it came from. type: what it tells of. time: when it
    happened, with a zone. subject: what it is about: the name of a frame. content_type: of the value (RFC 2046).
    dataref: URI reference of the data. sha256: of the data, hexadecimal. extensions: further attributes, named by
    lower case letters and digits. Raises UsageError: id, source or type missing, wrong names.
    """

    id: str
    source: str
    type: str
    time: datetime | None = None
    subject: str = ""
    content_type: str = ""
    dataref: str = ""
    sha256: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("id", "source", "type"):
            if not getattr(self, name):
                raise UsageError(f"CloudEvents: an event needs {name}")
        for name in self.extensions:
            if not NAME.fullmatch(name) or name in TAKEN:
                raise UsageError(f"CloudEvents: {name!r} is no name for an extension: a-z, 0-9, none that is taken")
        if self.time is not None and self.time.tzinfo is None:
            raise UsageError("CloudEvents: time needs a zone")

    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """In a fixed order; what is empty is left out."""
        said = {"specversion": SPEC_VERSION, "id": self.id, "source": self.source, "type": self.type}
        said |= {"time": _stamp(self.time), "subject": self.subject, "dataref": self.dataref, "sha256": self.sha256}
        attributes = [(f"{PREFIX}{name}", value) for name, value in {**said, **self.extensions}.items()]
        return tuple(
            (name, value.encode()) for name, value in (*attributes, ("content-type", self.content_type)) if value
        )

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Self | None:
        """What headers say; None where they are not those of an event. Other headers, and empty ones, are passed over.

        Header names in any case; of one given twice the last holds. Raises SourceError: another version, no UTF-8, no
        RFC 3339 time, a required attribute missing.
        """
        texts = {name.lower(): _text(name, value) for name, value in headers}
        said = {name.removeprefix(PREFIX): text for name, text in texts.items() if name.startswith(PREFIX)}
        if "specversion" not in said:
            return None
        version = said.pop("specversion")
        if version.split(".")[0] != "1":
            raise SourceError(f"header ce_specversion: {version[:20]!r}, expected 1.0")
        known = {name: said.pop(name, "") for name in KNOWN}
        time = _time(known.pop("time"))
        further = {name: text for name, text in said.items() if text and NAME.fullmatch(name) and name not in TAKEN}
        try:
            return cls(**known, time=time, content_type=texts.get("content-type", ""), extensions=further)
        except UsageError as error:
            raise SourceError(f"headers: {error}") from None


def event_id(source: str, epoch: str, pts: int, model: str, part: str = "") -> str:
    """Name of an event, 32 hexadecimal digits: the same whenever the same frame is selected by the same model.

    epoch: which of a source's streams, where its pts start anew, as a camera's do. part: which object of the frame, or
    what else tells apart what has the same pts. By BLAKE2b (RFC 7693), 128 bits.
    """
    return blake2b(json.dumps([source, epoch, pts, model, part]).encode(), digest_size=16).hexdigest()


def _stamp(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(name: str, value: bytes | None) -> str:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        if not name.lower().startswith(PREFIX) and name.lower() != "content-type":
            return ""
        raise SourceError(f"header {name[:40]!r}: expected text in UTF-8") from None


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # in UTC, some times of the first and the last year are in no year
        raise SourceError(f"header ce_time: {text[:40]!r}, expected a time as 2026-01-31T12:00:00Z") from None
