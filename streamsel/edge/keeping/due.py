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
from streamsel.store.entries import Committed, EntryStore

__all__ = ["DUE", "WRITING", "Due", "write_due"]

DUE: Final = " due"
"""The stream of the store that holds them, by the file that each is to become; no source is called so."""

WRITING: Final = "files being written"
"""The note of which pictures are being written: until it is taken back, by the commit that knows of them."""


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
        """What `dumped` wrote. Raises StateError where it is damaged."""
        told, _, both = document.partition(b"\n")
        try:
            file, moment, length = json.loads(told)
            return cls(str(file), int(moment), both[:length], both[length:])
        except (ValueError, TypeError) as error:
            raise StateError(f"a picture that was still to be written is damaged in the state ({error})") from error


def write_due(store: EntryStore, put: Callable[[Due], None], flush: Callable[[], None]) -> None:
    """What the process before left: each becomes a file, then none is due. Raises SinkError; nothing is lost then.

    put, flush: of `Pictures`.
    """
    files = store.keys(DUE)
    if not files:
        return
    committed = not store.note(WRITING)
    for file in files if committed else ():
        put(Due.read(store.entry(DUE, file) or b""))
    flush()
    store.commit(Committed(forget=[DUE], lasts=True))
    if committed:
        say("written after a stop", pictures=len(files))
