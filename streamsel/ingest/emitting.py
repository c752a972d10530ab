"""Where picks go: records for a topic, or a picture and a JSON file in a folder; and records of what could not be used.

The picture's bytes travel as they came; objects are cut out of them. Names in a folder are made of the partition, the
offset and the frame's name: the same each time, so that what is written again after a restart replaces itself, and
never outside of the folder.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from streamsel.data import Box, Candidate, Frame, Pick, Vector
from streamsel.ingest.pictures import Opened
from streamsel.lanes.lane import Verdict
from streamsel.lanes.pick_facts import object_facts, pick_facts, sequence_facts, window_facts
from streamsel.signals.crops import crop
from streamsel.sink.durable import made_folder
from streamsel.sink.json_file import json_text
from streamsel.sink.names import object_id, safe_path
from streamsel.sink.picture_file import encode
from streamsel.sink.whole_files import WholeFiles
from streamsel.topic import Message, Record
from streamsel.topic.cloudevent import Event, event_id
from streamsel.topic.incoming import LONGEST_KEY
from streamsel.topic.pick_record import INLINE_LIMIT, Content, Whole, bounded, pick_record

__all__ = ["DEAD", "FolderOutput", "Output", "TopicOutput", "dead_letter"]

DEAD: Final = "streamsel.dead-letter"
"""The event's type."""
ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
UNKNOWN: Final = "application/octet-stream"
LONGEST_REASON: Final = 500


class Output(Protocol):
    """Takes picks, one at a time."""

    def pick(self, opened: Opened, verdict: Verdict, vector: Vector) -> Sequence[tuple[str, Record]]:
        """The records to be sent for a pick, topic and record; what is written to disk is. Raises SinkError."""
        ...

    def flush(self) -> None:
        """What was written lasts when this returns: before the transaction that says so. Raises SinkError."""
        ...


class TopicOutput:
    """A record for each pick. origin: the topic that pictures come from. model: the embedder's name.

    limit: bytes of a picture that travels in its record. A larger one is written to `claims`, to which every reference
    is relative then; without `claims` it is referred to where it came from: its file, or the segment that it is a frame
    of, or `kafka:TOPIC/PARTITION/OFFSET`. Of a pick of a window of time, the extensions `windowbegin`, `windowend` and
    `windoworder` say what `window` does in the facts; of a frame of a sequence `sequencenumber` and `sequenceplace`
    what `sequence` does. Signals that would make a record too large are left out of it. padding: of objects.
    """

    def __init__(
        self,
        topic: str,
        *,
        origin: str,
        model: str,
        limit: int = INLINE_LIMIT,
        claims: Path | None = None,
        padding: float = 0.0,
    ) -> None:
        self._topic, self._origin, self._model, self._limit = topic, origin, model, limit
        self._padding = padding
        self._claims = None if claims is None else WholeFiles(made_folder(claims))

    def pick(self, opened: Opened, verdict: Verdict, vector: Vector) -> Sequence[tuple[str, Record]]:
        """See `Output`."""
        content = self._claimed(opened, _content(opened, verdict.box, self._padding), verdict.box)
        made = partial(
            pick_record,
            _pick(opened.frame, verdict, vector),
            content,
            key=opened.carried.key,
            model=self._model,
            subject=_name(opened, verdict.box),
            when=opened.carried.time,
            further=_further(verdict),
            limit=self._limit,
            id=_id(opened, self._model, verdict.box),
        )
        return [(self._topic, bounded(made, verdict.signals))]

    def flush(self) -> None:
        """See `Output`."""
        if self._claims is not None:
            self._claims.sync()

    def _claimed(self, opened: Opened, content: Content, box: Box | None) -> Content:
        if len(content.data) <= self._limit:
            return content
        if self._claims is not None:
            name = _file(opened, content, box)
            self._claims.put(name, content.data)
            return Content(content.data, content.content_type, quote(name))
        if content.dataref:
            return content
        message = opened.message
        return replace(content, dataref=f"kafka:{self._origin}/{message.partition}/{message.offset}")


class FolderOutput:
    """A picture for each pick, and what is known of it as JSON of the same name; see `TopicOutput` for the others."""

    def __init__(self, folder: Path, *, origin: str, model: str, padding: float = 0.0) -> None:
        self._folder, self._origin, self._model = WholeFiles(made_folder(folder)), origin, model
        self._padding = padding

    def pick(self, opened: Opened, verdict: Verdict, vector: Vector) -> Sequence[tuple[str, Record]]:
        """See `Output`; there is no record."""
        content = _content(opened, verdict.box, self._padding)
        name = _file(opened, content, verdict.box)
        self._folder.put(name, content.data)
        self._folder.put(f"{name}.json", json_text(self._told(opened, verdict, name)))
        return ()

    def flush(self) -> None:
        """See `Output`."""
        self._folder.sync()

    def _told(self, opened: Opened, verdict: Verdict, name: str) -> dict[str, Any]:
        mark, message = opened.frame.mark, opened.message
        return {
            "id": _id(opened, self._model, verdict.box),
            "name": _name(opened, verdict.box),
            **pick_facts(mark, opened.carried.time, verdict),
            **(object_facts(mark.name, verdict.box, self._padding) if verdict.box else {}),
            "file": name,
            "topic": self._origin,
            "partition": message.partition,
            "offset": message.offset,
        }


def dead_letter(topic: str, origin: str, message: Message, reason: str) -> tuple[str, Record]:
    """Topic and record of what could not be used: why, and where it is to be found. Of its bytes a short key
    is in it, none of its value, and of headers no more than the few words that a reason quotes.

    Extensions: `ce_reason`, `ce_origintopic`, `ce_originpartition`, `ce_originoffset`.
    """
    place = {"origintopic": origin, "originpartition": str(message.partition), "originoffset": str(message.offset)}
    told = " ".join(reason.split())[:LONGEST_REASON].encode(errors="replace").decode()
    key = message.key or b""
    event = Event(
        id=event_id(origin, str(message.partition), message.offset, DEAD),
        source=origin,
        type=DEAD,
        subject=f"{origin}-{message.partition}-{message.offset}",
        extensions={"reason": told, **place},
    )
    return topic, Record(key if len(key) <= LONGEST_KEY else b"", b"", event.headers())


def _content(opened: Opened, box: Box | None, padding: float) -> Content:
    """The file that a frame came in; a frame of a segment becomes a JPEG, and lies where the segment does.

    So does an object of a frame, which lies where that does.
    """
    if box is None and opened.content is not None:
        return opened.content
    picture = opened.frame.picture
    pixels = picture.rgb() if box is None else crop(picture, box, padding)
    return Content(encode(pixels, "jpg"), dataref=opened.carried.reference, whole=_whole(opened))


def _whole(opened: Opened) -> Whole:
    """What the record holds or refers to, of which only a part is sent."""
    carried = opened.carried
    if opened.content is None:
        return Whole(mimetypes.guess_type(carried.reference)[0] or UNKNOWN, carried.sha256)
    return Whole(opened.content.content_type, carried.sha256 or sha256(opened.content.data).hexdigest())


def _name(opened: Opened, box: Box | None) -> str:
    """What a pick is called: as its frame, and by the object's number in it."""
    name = opened.frame.mark.name
    return object_id(name, box.index) if box else name


def _further(verdict: Verdict) -> dict[str, str]:
    facts = {"window": window_facts(verdict), "sequence": sequence_facts(verdict)}
    return {f"{of}{name}": str(value) for of, told in facts.items() for name, value in told.items()}


def _pick(frame: Frame, verdict: Verdict, vector: Vector) -> Pick:
    return Pick(verdict.ordinal, Candidate((frame.mark,), vector, box=verdict.box), verdict.decision)


def _id(opened: Opened, model: str, box: Box | None) -> str:
    """The event's id: the same when what a pick came from is sent again, at another time, if it has an id of its own.

    Ids are unique in their source, and sent with a name by some who count no further than 1. A frame of a segment has
    a number in it, and a time that is the same each time.
    """
    carried, mark = opened.carried, opened.frame.mark
    thing = [box.task, box.index] if box else []
    if opened.content is None:
        part = json.dumps([mark.index, carried.subject, *thing])
        return event_id(carried.source, carried.epoch, mark.pts, model, part)
    pts = 0 if carried.lasting else mark.pts
    part = json.dumps([carried.subject, *thing]) if thing else carried.subject
    return event_id(carried.source, carried.epoch, pts, model, part)


def _file(opened: Opened, content: Content, box: Box | None) -> str:
    """Path in a folder: `PARTITION/OFFSET_NAME.jpg`, of a segment `PARTITION/OFFSET-INDEX_NAME.jpg`; one file deep.
    Before the ending of an object comes its number in its frame: `PARTITION/OFFSET_NAME-3.jpg`.

    No two frames of a topic have the same, whatever their names are: they come last.
    """
    ending = f".{ENDINGS[content.content_type]}"
    stem = opened.carried.name.replace("/", "_").removesuffix(ending)
    index = "" if opened.content is not None else f"-{opened.frame.mark.index}"
    message, number = opened.message, f"-{box.index}" if box else ""
    return f"{message.partition}/{safe_path(f'{message.offset}{index}_{stem}{number}')}{ending}"
