"""A pick as a record: the picture as its value, or where it lies (claim check), and why it was picked in its headers.

`ce_source` is the source's name, with %XX for what no URI holds. Headers beside those of CloudEvents: `ce_reason`,
`ce_distance` (left out for the first), `ce_nearest`, `ce_gains` and `ce_signals` (JSON objects), `ce_ordinal`,
`ce_index`, `ce_pts`, `ce_seconds` (of the frame in its source), `ce_file` (where the picture lies in the output),
`ce_clip` (the clip that shows it there), and of an object `ce_box` (JSON list: x, y, width, height), `ce_label`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote

import numpy as np

from streamsel.data import Box, Mark, Pick, Value
from streamsel.errors import SinkError
from streamsel.topic import Record
from streamsel.topic.cloudevent import Event, event_id

__all__ = [
    "HEADERS",
    "INLINE_LIMIT",
    "PICKED",
    "Content",
    "Whole",
    "bounded",
    "check_size",
    "part_of",
    "pick_record",
    "wire_bytes",
]

PICKED: Final = "streamsel.pick"
"""The event's type."""

INLINE_LIMIT: Final = 700_000
"""Bytes of a picture sent as a value: a record with its headers stays below 1 MiB, what a topic takes by default."""

HEADERS: Final = 32_000
"""Bytes that a record of a pick has beside its picture, at most, where `bounded` made it."""

URI: Final = ":/?#[]@!$&'()*+,;=~"
"""What a URI reference holds as it is (RFC 3986), so that the name of a source becomes one."""

OVERHEAD: Final = 128
PER_HEADER: Final = 10
"""Bytes that a batch with one record adds at most, and each header (Kafka's record batch, version 2)."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A video: what it is (RFC 2046), and its digest in hexadecimal, or empty where that is not known."""

    content_type: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A picture as a file: its bytes, what they are (RFC 2046), and a URI reference under which they lie, or none.

    whole: what lies there instead, where that is a video of which this is a frame.
    """

    data: bytes = field(repr=False)
    content_type: str = "image/jpeg"
    dataref: str = ""
    whole: Whole | None = None


def pick_record(
    pick: Pick,
    content: Content,
    *,
    key: bytes,
    model: str,
    subject: str,
    epoch: str = "",
    frame: int = 0,
    when: datetime | None = None,
    signals: Mapping[str, Value] | None = None,
    file: str = "",
    clip: str = "",
    further: Mapping[str, str] | None = None,
    limit: int = INLINE_LIMIT,
    id: str = "",
) -> Record:
    """The record of a pick, or of one of its frames (its place in the pick's marks).

    key: the device, camera or source, so that one's picks stay in order. model: the embedder's name. subject: the
    frame's name. epoch: see `event_id`. when: when the frame was taken, or picked. further: extensions. limit: bytes of
    a picture that is sent itself; a larger one is told by `dataref` and `sha256`, with the value None; which frame of a
    video it is, is told by `ce_index`, `ce_pts` and `ce_seconds`. id: of the event; made by `event_id` unless given.
    Raises SinkError where it lies nowhere.
    """
    mark, box = pick.candidate.marks[frame], pick.candidate.box
    inline = len(content.data) <= limit
    if not inline and not content.dataref:
        raise SinkError(
            f"{subject}: {len(content.data)} bytes are above the inline limit of {limit}; name a folder of claims"
        )
    lies = content.whole or Whole(content.content_type, "" if inline else sha256(content.data).hexdigest())
    event = Event(
        id=id or event_id(mark.source, epoch, mark.pts, model, part_of(mark, box)),
        source=quote(mark.source, safe=URI),
        type=PICKED,
        time=when,
        subject=subject,
        content_type=content.content_type if inline else lies.content_type,
        dataref="" if inline else content.dataref,
        sha256="" if inline else lies.sha256,
        extensions=_decided(pick, mark, signals or {}) | _object(box) | _files(file, clip) | dict(further or {}),
    )
    return Record(key, content.data if inline else None, event.headers())


def bounded(made: Callable[..., Record], signals: Mapping[str, Value]) -> Record:
    """A record with signals, or without them where they would make it larger than topics were checked for.

    made: `pick_record` with all but `signals`.
    """
    record = made(signals=signals)
    return record if wire_bytes(record) <= HEADERS + len(record.value or b"") else made()


def part_of(mark: Mark, box: Box | None = None) -> str:
    """What tells frames and objects apart that have the same pts: the `part` of `event_id`.

    The frame's number in its stream is one of it, as pts may repeat there (of clips that were joined as they are).
    """
    return _json([mark.index, mark.name, *([box.task, box.index] if box else [])])


def wire_bytes(record: Record) -> int:
    """Bytes of a record in a batch of its own, at most; compare it with a topic's `max.message.bytes`."""
    return record.nbytes + OVERHEAD + PER_HEADER * len(record.headers)


def check_size(record: Record, largest: int, where: object) -> Record:
    """The record; raises SinkError where it is larger than the topic takes, before a client has it."""
    if wire_bytes(record) > largest:
        raise SinkError(
            f"{where}: a record of {wire_bytes(record)} bytes is larger than the topic takes ({largest}); "
            f"{'raise' if record.value is None else 'lower the inline limit, or raise'} max.message.bytes"
        )
    return record


def _decided(pick: Pick, mark: Mark, signals: Mapping[str, Value]) -> dict[str, str]:
    decision = pick.decision
    facts = {
        "reason": decision.reason,
        "distance": repr(float(decision.distance)) if math.isfinite(decision.distance) else "",
        "nearest": str(decision.nearest) if decision.nearest >= 0 else "",
        "gains": _json(decision.gains) if decision.gains else "",
        "signals": _json(signals) if signals else "",
        "ordinal": str(pick.ordinal),
        "index": str(mark.index),
        "pts": str(mark.pts),
        "seconds": repr(mark.time),
    }
    return {name: text for name, text in facts.items() if text}


def _object(box: Box | None) -> dict[str, str]:
    if box is None:
        return {}
    return {"box": _json([box.x, box.y, box.width, box.height]), **({"label": box.label} if box.label else {})}


def _files(file: str, clip: str) -> dict[str, str]:
    return {name: path for name, path in (("file", file), ("clip", clip)) if path}


def _json(value: object) -> str:
    """Compact, with null for what JSON has no number for."""
    return json.dumps(_finite(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value
