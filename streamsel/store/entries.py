"""What a daemon remembers of its streams, as small entries: one SQLite file, one process at a time.

One commit holds all that a batch of frames changed: entries of the streams' state (key -> bytes), the segments that
were read, and what waits to be sent in each of the outboxes. What a power cut loses, of commits that need not last, is
looked at again, where its source still has it. The file stays bounded: entries replace each other, outboxes have their
bounds, segments are forgotten once they are `gone`, and space that is not needed any more is given back. No pickle.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from streamsel.store import Outgoing
from streamsel.store.outbox import Outbox, outbox_schema
from streamsel.store.sqlite_file import Advice, SqliteFile

__all__ = ["Committed", "Entry", "EntryStore", "Segment", "peeked"]

VERSION: Final = "edge 1"

LISTED: Final = 1000
"""So many of the records that a policy dropped are listed, of each outbox; the others are counted."""

LOG_BYTES: Final = 8 << 20
"""The write-ahead log is cut to it after a commit that was larger."""

CACHE: Final = "cache_size=-1000"
"""1 MB: what is written is hardly ever read again, and a larger cache fills with it, up to what it may hold."""

SPACE: Final = 16 << 20
"""Bytes of the file that may be unused; of what is more, some is given back with each commit, `AT_ONCE` at most."""

AT_ONCE: Final = 4 << 20

LINE: Final = 4096
"""Bytes that are read at a time where a line is."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (stream TEXT, key BLOB, value BLOB NOT NULL, PRIMARY KEY (stream, key));
CREATE TABLE IF NOT EXISTS segment (stream TEXT, name BLOB, number INTEGER NOT NULL, size INTEGER NOT NULL,
                                    modified INTEGER NOT NULL, PRIMARY KEY (stream, name));
"""

ADVICE: Final = Advice(
    held="another streamsel is running with this state folder; end it, or name another state",
    damaged="damaged or not written by streamsel; move it away to start anew",
    outdated="move it away to start anew",
    full="the disk is full; free some space",
    refused="check the disk and its permissions",
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A file that a recorder left in a watched folder.

    number: 0 for the first that was ever read there, and so on. name: relative to the folder, POSIX. size: bytes.
    modified: nanoseconds since 1970.
    """

    number: int
    name: str
    size: int
    modified: int


Entry = bytes | Callable[[], bytes]
"""A value, or what makes it: of what is large, no more than one is in memory."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Everything that one commit makes durable. Empty fields change nothing.

    entries: stream -> key -> value, what makes it as it is written, or None where the entry is gone. segments: stream
    -> those that were begun since; one replaces an earlier one of its name. outgoing: outbox -> records, gone through
    anew with each try. acknowledged: outbox -> up to this number its records have arrived. notes: JSON values by key.
    forget: streams of which nothing stays but what this commit brings. gone: stream -> segments that are forgotten,
    their files having been gone for long. lasts: whether all that is committed is to outlast a power cut, which takes a
    sync of the disk.
    """

    entries: Mapping[str, Mapping[bytes, Entry | None]] = field(default_factory=dict)
    segments: Mapping[str, Sequence[Segment]] = field(default_factory=dict)
    outgoing: Mapping[str, Iterable[Outgoing]] = field(default_factory=dict)
    acknowledged: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    forget: Collection[str] = ()
    gone: Mapping[str, Sequence[Segment]] = field(default_factory=dict)
    lasts: bool = False


class EntryStore:
    """outboxes: their names, lower-case; one that is not named any more keeps its records until it is named again.

    Raises InUseError, StateError where the file is damaged or of another version, SinkError where it cannot be written.
    For the thread that made it.
    """

    def __init__(self, path: Path, outboxes: Sequence[str] = ()) -> None:
        if wrong := [name for name in outboxes if not NAME.fullmatch(name)]:
            raise ValueError(f"outboxes must have lower-case names, got {wrong[0]!r}")
        self.path = path
        schema = SCHEMA + "".join(outbox_schema(f"{name}_", listing=False).lstrip() for name in outboxes)
        limit, vacuum = (f"journal_size_limit={LOG_BYTES}", CACHE), ("auto_vacuum=INCREMENTAL",)
        self._file = SqliteFile(path, schema, version=VERSION, advice=ADVICE, pragmas=limit, made_with=vacuum)
        self._db = self._file.db
        self._outboxes = {name: Outbox(self._db, f"{name}_", LISTED, self._file.explained) for name in outboxes}
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        with self._file.transaction():
            for outbox in self._outboxes.values():
                outbox.begin()
            self._page = int(self._db.execute("PRAGMA page_size").fetchone()[0])

    def close(self) -> None:
        """Let the file go; everything committed is in it."""
        self._file.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def commit(self, changes: Committed) -> None:
        """Make all of it durable in one transaction, or raise and change nothing.

        SinkError when the disk is full or read-only: the same commit may be tried again. KeyError for an outbox that
        was not named.
        """
        lasting = self._file.lasting() if changes.lasts else contextlib.nullcontext()
        with self._file.explained(), lasting, self._file.transaction():
            self._write(changes)
        self._give_back()

    def _write(self, changes: Committed) -> None:
        many = self._db.executemany
        for table in ("entry", "segment"):
            many(f"DELETE FROM {table} WHERE stream=?", [(stream,) for stream in changes.forget])
        for stream, entries in changes.entries.items():
            gone = [(stream, key) for key, value in entries.items() if value is None]
            kept = ((stream, key, _made(value)) for key, value in entries.items() if value is not None)
            many("DELETE FROM entry WHERE stream=? AND key=?", gone)
            many("INSERT INTO entry VALUES (?,?,?) ON CONFLICT DO UPDATE SET value=excluded.value", kept)
        for stream, segments in changes.gone.items():
            old = [(stream, _bytes(one.name), one.number) for one in segments]
            many("DELETE FROM segment WHERE stream=? AND name=? AND number=?", old)
        for stream, segments in changes.segments.items():
            rows = [(stream, _bytes(one.name), one.number, one.size, one.modified) for one in segments]
            many("REPLACE INTO segment VALUES (?,?,?,?,?)", rows)
        self._file.write_notes(changes.notes)
        for name, number in changes.acknowledged.items():
            self._outboxes[name].acknowledge(number)
        for name, records in changes.outgoing.items():
            self._outboxes[name].put(records)

    def _give_back(self) -> None:
        """Make the file smaller by some of what is not needed any more, where there is room to do so."""
        with contextlib.suppress(sqlite3.Error):
            unused = self._db.execute("PRAGMA freelist_count").fetchone()[0] - SPACE // self._page
            if unused > 0:
                pages = min(unused, AT_ONCE // self._page)
                self._db.executescript(f"PRAGMA incremental_vacuum({pages})")  # `execute` would end after one page
                self._file.shorten_log()  # only then the file itself is cut

    def hand_over(self, name: str, after: int, room: int, token: str) -> list[Outgoing]:
        """The next records of an outbox behind a number, to be sent: see `SqliteFile.hand_over`."""
        return self._file.hand_over(self._outboxes[name], after, room, token)

    # -- reading ------------------------------------------------------------------------------------------------

    def streams(self) -> list[str]:
        """Streams of which there is anything, by name."""
        with self._file.explained():
            rows = self._db.execute("SELECT stream FROM entry UNION SELECT stream FROM segment ORDER BY stream")
            return [stream for (stream,) in rows]

    def entries(self, stream: str) -> dict[bytes, bytes]:
        """All entries of a stream, as last committed; none of one that is not known."""
        with self._file.explained():
            return dict(self._db.execute("SELECT key, value FROM entry WHERE stream=?", (stream,)))

    def keys(self, stream: str) -> list[bytes]:
        """Keys of a stream's entries, in order."""
        with self._file.explained():
            found = self._db.execute("SELECT key FROM entry WHERE stream=? ORDER BY key", (stream,))
            return [bytes(key) for (key,) in found]

    def entry(self, stream: str, key: bytes) -> bytes | None:
        """One entry of a stream alone, as last committed; None where there is none."""
        with self._file.explained():
            found = self._db.execute("SELECT value FROM entry WHERE stream=? AND key=?", (stream, key)).fetchone()
            return None if found is None else bytes(found[0])

    def line(self, stream: str, key: bytes) -> bytes | None:
        """The first line of an entry, without its end; what follows is not read. None where there is no entry."""
        with self._file.explained():
            found = self._db.execute("SELECT rowid FROM entry WHERE stream=? AND key=?", (stream, key)).fetchone()
            if found is None:
                return None
            with self._db.blobopen("entry", "value", found[0], readonly=True) as value:
                read = b""
                while b"\n" not in read and (more := value.read(LINE)):
                    read += more
                return read.partition(b"\n")[0]

    def segments(self, stream: str) -> dict[str, Segment]:
        """The segments of a stream that are known to have been begun, by name, in the order of their numbers."""
        found = "SELECT number, name, size, modified FROM segment WHERE stream=? ORDER BY number"
        with self._file.explained():
            rows = [(number, _text(name), *rest) for number, name, *rest in self._db.execute(found, (stream,))]
        return {row[1]: Segment(*row) for row in rows}

    def outbox(self, name: str) -> Outbox:
        """The outbox of this name, to look into and to set its bound; `commit` writes it."""
        return self._outboxes[name]

    def note(self, key: str) -> Any:
        """A JSON value noted under key, or None."""
        return self._file.note(key)


def peeked(path: Path, key: bytes) -> dict[str, bytes]:
    """One entry of each stream that has it, as last committed, of a store that nobody works on; nothing is changed.

    Empty where there is no such file, or it is none that can be read: `EntryStore` says why.
    """
    if not path.is_file():
        return {}
    beside = path.with_name(f"{path.name}-shm")
    fresh = not beside.exists()
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return dict(db.execute("SELECT stream, value FROM entry WHERE key=?", (key,)))
    except sqlite3.Error:
        return {}
    finally:
        if fresh:
            beside.unlink(missing_ok=True)  # SQLite's, to read a log that a killed process left


def _made(value: Entry) -> bytes:
    return value() if callable(value) else value


def _bytes(name: str) -> bytes:
    """A name of a file as bytes, of whatever it is made: file systems know some that are no UTF-8."""
    return name.encode("utf-8", "surrogatepass")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")
