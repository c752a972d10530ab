"""Picks as what is sent of them: a small JSON object for MQTT, a CloudEvent with the picture for Kafka.

Both have the id of the picture's JSON, so that whoever gets one can tell whether it came before.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from streamsel.data import Candidate, Pick
from streamsel.edge import Seen
from streamsel.edge.keeping.pictures import Written
from streamsel.edge.keeping.shots import Shot
from streamsel.lanes.lane import Verdict
from streamsel.sink.json_file import plain
from streamsel.store import Outgoing
from streamsel.topic.pick_record import INLINE_LIMIT, Content, bounded, pick_record

__all__ = ["MOST_BYTES", "kafka_event", "mqtt_event"]

MOST_BYTES: Final = 64_000
"""Of an event for MQTT. Brokers and small clients take far less than the 256 MB of the protocol."""

TOLD: Final = ("id", "source", "taken", "file", "reason", "distance", "ordinal")
OBJECT: Final = ("parent", "task", "object", "box", "label", "score", "padding")
OFTEN: Final = (*OBJECT, "clip", "window", "sequence")
"""What the facts beside a picture hold only of an object, or where there are clips, windows, or sequences."""


def mqtt_event(source_name: str, shot: Seen | Shot, verdict: Verdict, written: Written, *, topic: str) -> Outgoing:
    """A JSON object: id, source, taken (ISO 8601), file, reason, distance (null for the first), ordinal, signals.

    And where there are clips, clip: the file that is to show it, or null; of a pick of a window of time, window: its
    begin and end (ISO 8601), and order: how many were chosen there before it; of a picture of a sequence, sequence:
    its number, and the picture's place in it; of an object what `object_facts` says. Each picture has an event of its
    own, for each has a file.
    topic: `{source}` in it is the source's name; it is the key of what is returned. Signals are left out where it
    would be larger than MOST_BYTES.
    """
    told = {name: written.facts[name] for name in (*TOLD, *(name for name in OFTEN if name in written.facts))}
    value = _compact({**told, "signals": verdict.signals})
    if len(value) > MOST_BYTES:
        value = _compact(told)
    key = topic.replace("{source}", source_name).encode()
    return Outgoing(written.id, key, (), value, verdict.decision.distance, written.file)


def kafka_event(
    source_name: str,
    shot: Seen | Shot,
    verdict: Verdict,
    written: Written,
    *,
    key: str | None = None,
    limit: int = INLINE_LIMIT,
) -> Outgoing:
    """A record as `streamsel.topic.pick_record` makes it. key: of all records; None: the source's name.

    limit: bytes of a picture that travels; a larger one is referred to, relative to the folder of pictures. Signals
    that would make the headers too large for a topic that takes such a picture are left out. Of a pick of a window of
    time, the extensions `windowbegin`, `windowend` and `windoworder` say what `window` does in the facts; of a picture
    of a sequence, `sequencenumber` and `sequenceplace` what `sequence` does.
    """
    decision = verdict.decision
    made = partial(
        pick_record,
        Pick(verdict.ordinal, Candidate((written.mark,), np.empty(0, np.float32), box=verdict.box), decision),
        Content(written.picture, dataref=quote(written.file)),
        key=(key or source_name).encode(),
        model=written.model,
        subject=written.file.removesuffix(".jpg"),
        epoch=written.epoch,
        when=written.taken,
        file=written.file,
        clip=written.facts.get("clip") or "",
        further=_further(written),
        limit=limit,
    )
    record = bounded(made, verdict.signals)
    return Outgoing(written.id, record.key, record.headers, record.value, decision.distance, written.file)


def _further(written: Written) -> dict[str, str]:
    facts = {of: written.facts.get(of, {}) for of in ("window", "sequence")}
    return {f"{of}{name}": str(value) for of, told in facts.items() for name, value in told.items()}


def _compact(told: dict[str, Any]) -> bytes:
    return json.dumps(plain(told), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
