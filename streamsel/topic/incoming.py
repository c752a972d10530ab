"""What a record carries: a picture, a reference to one, or a reference to a segment of video.

CloudEvents in binary mode say it in their headers; a plain record is a picture, its value, with a name made of its
place in the topic. `metadata`, a JSON object in a header of its own or as the extension `ce_metadata`, travels with
the picture as values by dotted keys, and so does `predictions`, of the tasks that are read. What cannot be used raises
PoisonError, which tells none of the record's value, and of its headers a few words at most.
"""

from __future__ import annotations

import math
import mimetypes
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from streamsel.data import Value
from streamsel.errors import SourceError
from streamsel.plain_source import plain_source
from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from streamsel.topic.nested import object_of

__all__ = ["DIFFERS", "LONGEST_KEY", "Carried", "Holds", "Incoming", "PoisonError"]

Holds = Literal["auto", "pictures", "segments"]

LARGEST: Final = 20_000_000
LONGEST_NAME: Final = 512
"""Characters of a name, and of a key or a text of metadata: what is kept of labels is kept for good."""
LONGEST_KEY: Final = 1024
LONGEST_REFERENCE: Final = 4096
"""Bytes of them: they travel on with a pick, whose record must stay below what a topic takes."""
NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""JSON can tell of characters that no text in UTF-8 has, and of NUL, at which others end it."""
METADATA: Final = "metadata"
MOST_METADATA: Final = 1 << 16
"""Bytes of metadata that are read."""
MOST_VALUES: Final = 256
PREDICTIONS: Final = "predictions"
LONGEST_PREDICTIONS: Final = 1 << 18
"""Bytes of predictions that are read."""
MOST_PREDICTIONS: Final = 300
"""Of all tasks that are read: where objects are embedded, each costs what a picture does."""
LARGEST_NUMBER: Final = 1 << 63
DIFFERS: Final = "its bytes are not those that sha256 tells of"
PASSED_OVER: Final = ("", "application/octet-stream", "binary/octet-stream")
"""Content types that say nothing."""


class PoisonError(SourceError):
    """A record that can never be used; its text says why."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a record carries.

    name: of the frame, or of the segment. source: the camera or device, without a login. epoch: what tells apart events
    of the source: their id, or else the record's place. time: when the picture was taken, as the event or else the
    record says. kind: `picture` or `segment`. data: the picture's bytes, None where `reference` says where it lies.
    sha256: of the data, in hexadecimal, or empty. metadata: dotted key -> value. subject: the name as the event gives
    it, or empty. lasting: whether epoch is the event's own id, which stays when it is sent again. predictions: task
    -> list of what it predicts, as JSON has it, of the tasks that are read.
    """

    key: bytes
    name: str
    source: str
    epoch: str
    time: datetime
    kind: Literal["picture", "segment"]
    data: bytes | None = field(default=None, repr=False)
    reference: str = ""
    sha256: str = ""
    metadata: Mapping[str, Value] = field(default_factory=dict, repr=False)
    subject: str = ""
    lasting: bool = False
    predictions: Mapping[str, list[Any]] = field(default_factory=dict, repr=False)


class Incoming:
    """Reads records. topic: their topic's name. holds: what they carry; `auto` goes by content type, then by name.

    largest: bytes of an inline picture. tasks: whose predictions are read; what else comes as `predictions` is passed
    over, and without any task nobody looks at it. Raises ValueError for another `holds`.
    """

    def __init__(
        self, topic: str, *, holds: Holds = "auto", largest: int = LARGEST, tasks: Collection[str] = ()
    ) -> None:
        if holds not in get_args(Holds):
            raise ValueError(f"holds must be one of {', '.join(get_args(Holds))}, got {holds!r}")
        self.topic, self._holds, self._largest, self._tasks = topic, holds, largest, frozenset(tasks)

    def carried(self, message: Message) -> Carried:
        """What a record carries. Raises PoisonError."""
        if message.refused:
            raise PoisonError(message.refused)
        try:
            event = Event.from_headers(message.headers)
        except SourceError as error:
            raise PoisonError(str(error)) from None
        place = f"{self.topic}-{message.partition}-{message.offset}"
        content_type = event.content_type if event else _plain_type(message)
        _check_sizes(message, event)
        reference = event.dataref if event else ""
        name = _name(event.subject) if event and event.subject else ""
        kind = self._kind(content_type, reference or name)
        return Carried(
            key=message.key or b"",
            name=name or (f"{place}.jpg" if kind == "picture" else f"{place}.mp4"),
            source=plain_source((event.source if event else "") or _readable(message.key) or self.topic),
            epoch=event.id if event else place,
            time=(event.time if event else None) or _taken(message.timestamp),
            kind=kind,
            data=None if reference else self._inline(message, kind),
            reference=reference,
            sha256=event.sha256.lower() if event else "",
            metadata=_metadata(message, event),
            subject=name,
            lasting=event is not None,
            predictions=self._predictions(message, event, kind),
        )

    def _kind(self, content_type: str, name: str) -> Literal["picture", "segment"]:
        told = content_type.partition(";")[0].strip().lower()
        if told in PASSED_OVER:
            told = mimetypes.guess_type(name)[0] or ""
        family = told.partition("/")[0]
        if family not in ("image", "video", "") and content_type.partition(";")[0].strip().lower() not in PASSED_OVER:
            raise PoisonError(f"content-type {told[:60]!r} is neither a picture nor a video")
        segment = family == "video" if family in ("image", "video") else self._holds == "segments"
        if self._holds != "auto" and segment != (self._holds == "segments"):
            raise PoisonError(f"holds {told[:60]}, and only {self._holds} are expected here")
        return "segment" if segment else "picture"

    def _inline(self, message: Message, kind: str) -> bytes:
        if not message.value:
            raise PoisonError("is empty: neither bytes nor a reference (ce_dataref)")
        if kind == "segment":
            raise PoisonError("a video in the record itself; send a reference to it (ce_dataref)")
        if len(message.value) > self._largest:
            raise PoisonError(f"{len(message.value)} bytes are more than the {self._largest} that a picture may have")
        return message.value

    def _predictions(self, message: Message, event: Event | None, kind: str) -> Mapping[str, list[Any]]:
        text = _beside(message, event, PREDICTIONS, LONGEST_PREDICTIONS) if self._tasks else b""
        try:
            found = {task: _list(one) for task, one in object_of(text or b"{}").items() if task in self._tasks}
        except ValueError as error:
            raise PoisonError(f"header predictions must be a JSON object, task -> list ({str(error)[:80]})") from None
        if found and kind == "segment":
            raise PoisonError("header predictions tells of one picture, and this is a segment")
        if (count := sum(map(len, found.values()))) > MOST_PREDICTIONS:
            raise PoisonError(f"{count} predictions of a picture, more than {MOST_PREDICTIONS}")
        return found


def _plain_type(message: Message) -> str:
    return next((_readable(value) for name, value in message.headers if name.lower() == "content-type"), "")


def _check_sizes(message: Message, event: Event | None) -> None:
    """Of all that travels on with a pick, but for the picture and metadata."""
    subject, source, reference = (event.subject, event.source, event.dataref) if event else ("", "", "")
    for what, size, most, unit in (
        ("key", len(message.key or b""), LONGEST_KEY, "bytes"),
        ("ce_subject", len(subject), LONGEST_NAME, "characters"),
        ("ce_source", len(source), LONGEST_NAME, "characters"),
        ("ce_dataref", len(reference.encode()), LONGEST_REFERENCE, "bytes"),
    ):
        if size > most:
            raise PoisonError(f"{what} has {size} {unit}, more than {most}")


def _name(subject: str) -> str:
    if not subject.isprintable():
        raise PoisonError(f"ce_subject {subject[:60]!r} has characters that do not print")
    return subject


def _readable(key: bytes | None) -> str:
    """Bytes as text, where they are some."""
    try:
        text = (key or b"").decode()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() and len(text) <= LONGEST_NAME else ""


def _taken(timestamp: int) -> datetime:
    try:
        return datetime.fromtimestamp(max(timestamp, 0) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _metadata(message: Message, event: Event | None) -> Mapping[str, Value]:
    text = _beside(message, event, METADATA, MOST_METADATA)
    try:
        values = dict(_flat("", object_of(text))) if text else {}
    except ValueError as error:
        raise PoisonError(f"header metadata must be a JSON object of numbers and texts ({str(error)[:80]})") from None
    if len(values) > MOST_VALUES:
        raise PoisonError(f"metadata of {len(values)} values, more than {MOST_VALUES}")
    return values


def _beside(message: Message, event: Event | None, what: str, most: int) -> bytes:
    """A header of its own, or an extension of the event; empty where there is none."""
    extension = event.extensions.get(what, "").encode() if event else b""
    text = next((value for name, value in message.headers if name.lower() == what), extension) or b""
    if len(text) > most:
        raise PoisonError(f"{what} of {len(text)} bytes, more than {most}")
    return text


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"holds a {type(value).__name__}")
    return value


def _flat(above: str, value: Any) -> Iterator[tuple[str, Value]]:
    """Dotted keys, `weather.temperature`; an element of a list by its number."""
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in inside:
            yield from _flat(f"{above}.{key}" if above else str(key), one)
    elif value is not None:
        for text in (above, value) if isinstance(value, str) else (above,):
            _check_text(text)
        if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < LARGEST_NUMBER):
            raise ValueError(f"{above!r} is too large")
        yield above, value


def _check_text(text: str) -> None:
    if len(text) > LONGEST_NAME:
        raise ValueError(f"a text of {len(text)} characters, more than {LONGEST_NAME}")
    if NO_TEXT.search(text):
        raise ValueError("a text with characters that no text has")
