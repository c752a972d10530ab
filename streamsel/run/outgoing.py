"""A pick as the records that tell of it: one for each of its pictures, or for its clip, or for its object's crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from streamsel.config import SelectConfig
from streamsel.data import Candidate, Decision, Mark, Pick
from streamsel.errors import SinkError
from streamsel.rules.keys import keys_of
from streamsel.run.sequence_numbers import SequenceNumbers, TurnedAway
from streamsel.sink.durable import write_atomic
from streamsel.sink.names import digits_for, frame_id, object_id, started_at
from streamsel.store import Outgoing, PickRow, Span
from streamsel.store.embedded import SqliteStore
from streamsel.topic import Record
from streamsel.topic.pick_record import Content, pick_record, wire_bytes

__all__ = ["PickRecords"]

SUBTYPES: Final = {"jpg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "tif": "tiff"}

Facts = Mapping[str, Any]


class PickRecords:
    """Makes records of picks whose pictures are written. folder: of the run. model: the embedder's name."""

    def __init__(self, config: SelectConfig, folder: Path, model: str, store: SqliteStore) -> None:
        self._how, self._folder, self._model, self._store = config.delivery, folder, model, store
        self._keys, self._away = keys_of(config.rules), TurnedAway(store)

    def of(self, row: PickRow, facts: Facts, spans: Sequence[Span] = ()) -> list[Outgoing]:
        """The records of a pick. facts: of its source. spans: those that are not in the store yet. Raises SinkError."""
        files = (row.files or ())[-1:] if row.box else row.files or ()
        more = self._sequence(row, facts, spans)
        return [self._record(row, facts, place, file, more) for place, file in enumerate(files)]

    def fitting(self, one: Outgoing, largest: int | None) -> Record:
        """A record as it is sent now: it only refers to a picture that is above the limit, or too large for the topic.

        largest: bytes that the topic takes, None: unknown. So a limit that was lowered holds for what waits, too.
        """
        record = Record(one.key, one.value, one.headers)
        too_large = largest is not None and wire_bytes(record) > largest
        if one.value is None or not (too_large or len(one.value) > self._how.inline_limit):
            return record
        claim = {"ce_dataref": self._claimed(one.about, one.value), "ce_sha256": sha256(one.value).hexdigest()}
        headers = (*one.headers, *((name, text.encode()) for name, text in claim.items()))
        return Record(one.key, None, headers)

    def _record(self, row: PickRow, facts: Facts, place: int, file: str, more: Mapping[str, str]) -> Outgoing:
        mark = row.marks[place]
        name = frame_id(mark, digits_for(facts["total"]), started_at(facts["started"], mark))
        record = pick_record(
            _pick(row),
            self._content(file),
            key=_sendable(self._how.key or mark.source).encode(),
            model=self._model,
            subject=_sendable(object_id(name, row.box.index) if row.box else name),
            epoch=_epoch(facts, mark),
            frame=place,
            when=datetime.now(UTC),
            signals={self._keys.get(column, column): value for column, value in row.signals.items()},
            file=_sendable(file),
            limit=self._how.inline_limit,
        )
        return _outgoing(record, {**more, "sequenceplace": str(place)} if more else {}, row.distance, file)

    def _sequence(self, row: PickRow, facts: Facts, spans: Sequence[Span]) -> dict[str, str]:
        """Which sequence of its source a pick is, where picks are sequences."""
        numbers = SequenceNumbers(self._store, {row.marks[0].source: facts}, spans, self._away)
        number = numbers.of(row)
        return {} if number is None else {"sequencenumber": str(number)}

    def _content(self, file: str) -> Content:
        path = self._folder / file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SinkError(f"{path}: cannot be read to be sent: {error.strerror}; use --fresh") from error
        large = len(data) > self._how.inline_limit
        return Content(data, _media_type(file), self._claimed(file, data) if large else "")

    def _claimed(self, file: str, data: bytes) -> str:
        """Where a picture lies that does not travel: relative to the folder of claims, else to that of the run."""
        if self._how.claims is None:
            return quote(file, errors="surrogateescape")
        name = f"{sha256(data).hexdigest()}{PurePosixPath(file).suffix}"
        write_atomic(self._how.claims / name, data)
        return quote(name, errors="surrogateescape")


def _pick(row: PickRow) -> Pick:
    marks = tuple(replace(mark, source=_sendable(mark.source), name=_sendable(mark.name)) for mark in row.marks)
    decision = Decision(True, row.reason, row.distance, row.nearest, row.gains)
    return Pick(row.ordinal, Candidate(marks, row.vector, box=row.box), decision)


def _outgoing(record: Record, more: Mapping[str, str], distance: float, file: str) -> Outgoing:
    headers = (*record.headers, *((f"ce_{name}", value.encode()) for name, value in more.items()))
    return Outgoing(dict(headers)["ce_id"].decode(), record.key, headers, record.value, distance, file)


def _epoch(facts: Facts, mark: Mark) -> str:
    """Which stream of that name: a camera's since it was connected; a file's size, as another may take its place."""
    return started_at(facts["started"], mark) or str(facts.get("size") or "")


def _media_type(file: str) -> str:
    """The type of a file (RFC 2046) by its extension."""
    extension = PurePosixPath(file).suffix.removeprefix(".").lower()
    return "video/mp4" if extension == "mp4" else f"image/{SUBTYPES.get(extension, extension)}"


def _sendable(text: str) -> str:
    """Text as UTF-8 has it: bytes of file names that are none become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
