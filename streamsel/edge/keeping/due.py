"""Pictures that a stop left no time to write as files: the state holds them, and the next process writes them first.

What writes them says so in the commit that knows of their picks; whatever lies there without it is of no pick, and
goes. A picture that is written twice replaces itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from streamsel.daemon.log_lines import say
from streamsel.errors import StateError
from streamsel.sink.durable import shown
from streamsel.store.entries import Committed, EntryStore

__all__ = ["DUE", "WRITING", "Due", "due_of", "write_due"]

DUE: Final = " due"
"""The stream of the store that holds them, by the file that each is to become; no source is called so."""

WRITING: Final = "files being written"
"""The note of which pictures are being written: until it is taken back, by the commit that knows of them."""

AT_ONCE: Final = 8
"""Pictures that are written before the state lets go of them, at most: so many are written again after a stop."""


@dataclass(frozen=True, slots=True)
class Due:
    """A picture as it is to lie on disk. file: relative to the folder of pictures, POSIX. moment: when it was taken, in
    nanoseconds since 1970. text: its facts, as JSON. data: its bytes."""

    file: str
    moment: int
    text: bytes = field(repr=False)
    data: bytes = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Of both files."""
        return len(self.text) + len(self.data)

    def dumped(self) -> bytes:
        """As the state keeps it."""
        return json.dumps([self.file, self.moment, len(self.text)]).encode() + b"\n" + self.text + self.data

    @classmethod
    def read(cls, document: bytes) -> Self:
        """What `dumped` wrote. Raises ValueError or TypeError where it is damaged."""
        told, _, both = document.partition(b"\n")
        file, moment, length = json.loads(told)
        return cls(str(file), int(moment), both[:length], both[length:])


def due_of(store: EntryStore, file: bytes) -> Due:
    """The picture that is to become this file. Raises StateError where it is damaged."""
    try:
        return Due.read(store.entry(DUE, file) or b"")
    except (ValueError, TypeError) as error:
        told = f"the picture {file.decode(errors='replace')!r}, which was still to be written, is damaged ({error})"
        raise StateError(f"{shown(store.path)}: {told}; move the state away to start anew") from error


def write_due(
    store: EntryStore, put: Callable[[Due], None], flush: Callable[[], None], breathe: Callable[[], None]
) -> None:
    """What the process before left becomes files, and is due no more. Raises SinkError; nothing is lost then.

    put, flush: of `Pictures`. breathe: called behind each picture, of which there may be thousands; what it raises ends
    this, and the next one goes on behind what was noted.
    """
    files = store.keys(DUE)
    if store.note(WRITING):  # these are of no pick
        store.commit(Committed(forget=[DUE], lasts=True))
        return
    for begin in range(0, len(files), AT_ONCE):
        some = files[begin : begin + AT_ONCE]
        for file in some:
            put(due_of(store, file))
            breathe()
        flush()
        store.commit(Committed(entries={DUE: dict.fromkeys(some)}, lasts=True))
    if files:
        say("written after a stop", pictures=len(files))
