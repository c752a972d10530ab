"""Pictures as they are kept: frames, or objects cut out of them, as JPEG, and what is known of where they came from.

A candidate of a window of time stays in the state as a shot until it is chosen, or is none any more: no file lies
around, and a kill at any moment loses nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from streamsel.daemon.log_lines import say
from streamsel.data import Box, Mark
from streamsel.edge import Seen, Segment
from streamsel.errors import SinkError, StateError
from streamsel.lanes.candidates import GIVEN_UP, HELD
from streamsel.lanes.deciding import Key
from streamsel.store import dump_marks, load_marks
from streamsel.store.entries import Committed, Entry, EntryStore

__all__ = ["Shot", "Shots", "give_up_others", "shots_of"]

OF_SHOTS: Final = " held"
"""What the names of streams of shots end with."""
NO_BOXES: Final[Mapping[Key, Box]] = {}


@dataclass(frozen=True, slots=True)
class Shot:
    """place, taken, started, segment, suffix: as of `Seen`. mark: of its frame. data: the whole picture, or an object
    that was cut out of it, as JPEG."""

    place: int
    taken: datetime
    mark: Mark
    data: bytes = field(repr=False)
    started: str = ""
    segment: Segment | None = None
    suffix: str = ""

    def dumped(self) -> bytes:
        """As the state keeps it: a line of JSON, and the picture."""
        told = {
            "taken": self.taken.isoformat(),
            "mark": dump_marks([self.mark]),
            "started": self.started,
            "suffix": self.suffix,
        }
        segment = asdict(self.segment) if self.segment else None
        return json.dumps({**told, "segment": segment}).encode() + b"\n" + self.data


class Shoots(Protocol):
    """Makes shots of frames."""

    def shot(self, seen: Seen, box: Box | None = None) -> Shot:
        """Its picture, whole, or what is in the box. Raises SinkError for what no JPEG can hold."""
        ...


class Shots:
    """What may be picked of a source: the pictures at hand, and those that its state keeps.

    name: of the source. place: of it in the config. seen: frames at hand, boxes: of their objects, where these are
    picked. Each is read, or cut out and encoded, when asked for.
    """

    def __init__(
        self,
        name: str,
        place: int,
        store: EntryStore,
        pictures: Shoots,
        seen: Sequence[Seen],
        boxes: Mapping[Key, Box] = NO_BOXES,
    ) -> None:
        self._stream, self._place, self._store, self._pictures = shots_of(name), place, store, pictures
        self._seen: dict[Key, Seen] = {(one.offset, one.part): one for one in seen}
        self._boxes = boxes

    def __getitem__(self, key: Key) -> Shot:
        """Raises StateError where it is neither at hand nor kept."""
        if (seen := self._seen.get(key[:2])) is not None:
            return self._pictures.shot(seen, self._boxes[key] if key[2:] else None)
        text, _, picture = (self._store.entry(self._stream, _key(key)) or b"").partition(b"\n")
        return self._kept(text, picture)

    def at(self, key: Key) -> Seen | Shot:
        """The same without its picture: not encoded where it is at hand, and not read where it is kept."""
        if (seen := self._seen.get(key[:2])) is not None:
            return seen
        return self._kept(self._store.line(self._stream, _key(key)) or b"", b"")

    def _dumped(self, key: Key) -> bytes:
        return self[key].dumped()

    def _kept(self, text: bytes, picture: bytes) -> Shot:
        try:
            told = json.loads(text)
            (mark,), segment = load_marks(told["mark"]), told["segment"]
            taken, known = datetime.fromisoformat(told["taken"]), Segment(**segment) if segment else None
        except (ValueError, TypeError, KeyError) as error:
            raise StateError(f"source {self._stream}: a candidate's picture is damaged or missing ({error})") from error
        return Shot(self._place, taken, mark, picture, told["started"], known, told["suffix"])

    def changes(self, kept: Sequence[Key], released: Collection[Key]) -> Mapping[str, dict[bytes, Entry | None]]:
        """What the store is to be told: stream -> entries. Each picture is read, or encoded, as it is written."""
        changed: dict[bytes, Entry | None] = {_key(key): None for key in released}
        changed |= {_key(key): partial(self._dumped, key) for key in kept}
        return {self._stream: changed} if changed else {}


def shots_of(name: str) -> str:
    """The stream of the store that holds a source's shots; no source is called so."""
    return f"{name}{OF_SHOTS}"


def give_up_others(store: EntryStore, names: Collection[str]) -> None:
    """Forgets candidates of sources that are not among these, as of one that was renamed: nobody would choose of them.

    What else such a source remembers stays, for when it comes back. What cannot be written now is at the next start.
    One whose windows were taken away from the config keeps its candidates until they are chosen of, at once.
    """
    found = [one.removesuffix(OF_SHOTS) for one in store.streams() if one.endswith(OF_SHOTS)]
    others = [name for name in found if name not in names]
    if not others:
        return
    documents = {name: [key for key in store.entries(name) if key.startswith(HELD)] for name in others}
    entries = {name: {**dict.fromkeys(keys), GIVEN_UP: b""} for name, keys in documents.items() if keys}
    with suppress(SinkError):
        store.commit(Committed(entries=entries, forget=[shots_of(name) for name in others]))
        for name, keys in documents.items():
            if keys:
                reason = "the file has no such source any more: what its open window held will not be chosen of"
                say("candidates given up", logging.WARNING, source=name, candidates=len(keys), reason=reason)


def _key(key: Key) -> bytes:
    return b"/".join(b"%d" % number for number in key)
