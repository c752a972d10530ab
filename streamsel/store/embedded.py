"""The embedded Store: one SQLite file, one process at a time.

What a power cut loses (see `streamsel.store.sqlite_file`) is decided again and has the same names. Arrays are stored
as raw little-endian bytes in chunks, and a commit writes the chunks that changed. No pickle.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import StateError
from streamsel.store import Changes, Kept, Outgoing, PickRow, Snapshot, dump_marks, load_marks
from streamsel.store.outbox import Outbox, outbox_schema
from streamsel.store.rows import PICK_COLUMNS, columns_of, joined, pick_columns, pick_row, vector_bytes, vector_of
from streamsel.store.sqlite_file import Advice, SqliteFile

__all__ = ["SqliteStore"]

VERSION = 5
CHUNK = 1 << 16
PAGE = 1 << 14
"""Bytes of a page of a new file: kept pictures, 150 kB each, are written in half the time that pages of 4 KiB take."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS position (stream TEXT PRIMARY KEY, mark TEXT, done INTEGER NOT NULL, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS array (name TEXT, part INTEGER, head TEXT NOT NULL, data BLOB NOT NULL,
                                  PRIMARY KEY (name, part));
CREATE TABLE IF NOT EXISTS kept (row INTEGER PRIMARY KEY, marks TEXT NOT NULL, crops BLOB NOT NULL,
                                 vector BLOB, signals TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS picture (row INTEGER, place INTEGER, data BLOB NOT NULL, PRIMARY KEY (row, place));
CREATE TABLE IF NOT EXISTS span (source TEXT, first INTEGER, last INTEGER, pts INTEGER, time REAL, row INTEGER,
                                 frames INTEGER, own INTEGER, reason TEXT);
CREATE TABLE IF NOT EXISTS heir (row INTEGER PRIMARY KEY, heir INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS judged (row INTEGER PRIMARY KEY, source TEXT, first INTEGER, last INTEGER, pts INTEGER,
                                   time REAL, keep INTEGER, reason TEXT, distance REAL, nearest INTEGER);
CREATE TABLE IF NOT EXISTS pick (ordinal INTEGER PRIMARY KEY, row INTEGER, source TEXT NOT NULL,
                                 marks TEXT NOT NULL, reason TEXT NOT NULL, distance REAL, nearest INTEGER,
                                 gains TEXT NOT NULL, vector BLOB NOT NULL, files TEXT, signals TEXT NOT NULL,
                                 box TEXT);
"""
"""What waits to be sent has tables of its own: see `streamsel.store.outbox`."""

ADVICE = Advice(
    held="another streamsel is using this output folder; wait for it or choose another -o",
    damaged="damaged or not written by streamsel; move it away or use --fresh",
    outdated="use --fresh",
    full="the disk is full; free some space and run the same command again to continue",
    refused="check permissions and run the same command again",
)


class SqliteStore:
    """The embedded Store: one file, one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: dict[tuple[str, int], int] = {}
        self._file = SqliteFile(
            path, SCHEMA + outbox_schema(), version=VERSION, advice=ADVICE, made_with=(f"page_size={PAGE}",)
        )
        self._db = self._file.db
        self.outbox = Outbox(self._db, explained=self._file.explained)

    def close(self) -> None:
        """Let the file go; everything committed is in it."""
        self._file.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def commit(self, changes: Changes) -> None:
        """Make all of it durable in one transaction; SinkError when the disk is full or read-only."""
        written = dict(self._written)
        try:
            with self._file.transaction():
                self._write(changes)
        except BaseException:
            self._written = written
            raise

    def _write(self, changes: Changes) -> None:
        many = self._db.executemany
        if changes.stream:
            mark = dump_marks([changes.position]) if changes.position else None
            many(
                "INSERT INTO position VALUES (?,?,?,?) ON CONFLICT (stream) DO UPDATE SET"
                " mark=excluded.mark, done=excluded.done, facts=excluded.facts",
                [(changes.stream, mark, changes.done, json.dumps(dict(changes.facts)))],
            )
        for name, array in changes.arrays.items():
            self._write_array(name, array)
        many("DELETE FROM kept WHERE row=?", [(row,) for row in changes.released])
        many("DELETE FROM picture WHERE row=?", [(row,) for row in changes.released])
        for kept in changes.kept:
            signals = json.dumps(dict(kept.signals))
            values = (kept.row, dump_marks(kept.marks), kept.crops, vector_bytes(kept.vector), signals)
            self._db.execute("REPLACE INTO kept VALUES (?,?,?,?,?)", values)
            many("REPLACE INTO picture VALUES (?,?,?)", [(kept.row, i, data) for i, data in enumerate(kept.pictures)])
        many(
            "UPDATE kept SET vector=?, crops=x'' WHERE row=?",
            [(vector_bytes(vector), row) for row, vector in changes.vectors.items()],
        )
        many("REPLACE INTO heir VALUES (?,?)", changes.heirs.items())
        many("INSERT INTO span VALUES (?,?,?,?,?,?,?,?,?)", [columns_of(span) for span in changes.spans])
        many("REPLACE INTO judged VALUES (?,?,?,?,?,?,?,?,?,?)", [columns_of(judged) for judged in changes.judged])
        many("REPLACE INTO pick VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", [pick_columns(pick) for pick in changes.picks])
        self._file.write_notes(changes.notes)
        if changes.acknowledged:
            self.outbox.acknowledge(changes.acknowledged)
        self.outbox.put(changes.outbox)

    def _write_array(self, name: str, array: npt.NDArray[Any]) -> None:
        head = json.dumps([array.dtype.newbyteorder("<").str, list(array.shape)])
        array = np.ascontiguousarray(array)
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8).data
        parts = max(1, -(-len(data) // CHUNK))
        for part in range(parts):
            chunk = data[part * CHUNK : (part + 1) * CHUNK]
            mark = zlib.crc32(chunk, zlib.crc32(head.encode()) if part == 0 else 0)
            if self._written.get((name, part)) != mark:
                self._db.execute("REPLACE INTO array VALUES (?,?,?,?)", (name, part, head, bytes(chunk)))
                self._written[name, part] = mark
        self._db.execute("DELETE FROM array WHERE name=? AND part>=?", (name, parts))
        for key in [k for k in self._written if k[0] == name and k[1] >= parts]:
            del self._written[key]

    # -- reading ------------------------------------------------------------------------------------------------

    def restore(self, stream: str) -> Snapshot:
        """Where the stream stands; a fresh Snapshot when it was never committed."""
        found = self._db.execute("SELECT mark, done, facts FROM position WHERE stream=?", (stream,)).fetchone()
        if found is None:
            return Snapshot()
        return Snapshot(load_marks(found[0])[0] if found[0] else None, bool(found[1]), json.loads(found[2]))

    def streams(self) -> list[str]:
        """The streams ever committed, in order of their first commit."""
        return [stream for (stream,) in self._db.execute("SELECT stream FROM position ORDER BY rowid")]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays as last committed."""
        parts: dict[str, list[tuple[str, bytes]]] = {}
        for name, head, data in self._db.execute("SELECT name, head, data FROM array ORDER BY name, part"):
            parts.setdefault(name, []).append((head, data))
        return {name: joined(chunks) for name, chunks in parts.items()}

    def note(self, key: str) -> Any:
        """A JSON value noted under key, or None."""
        return self._file.note(key)

    def kept(self, row: int) -> Kept:
        """What was kept of a row; StateError if it is not there."""
        found = self._db.execute("SELECT marks, crops, vector, signals FROM kept WHERE row=?", (row,)).fetchone()
        if found is None:
            raise StateError(f"{self.path}: damaged (row {row} is missing); use --fresh to start anew")
        pictures = self._db.execute("SELECT data FROM picture WHERE row=? ORDER BY place", (row,))
        files = tuple(data for (data,) in pictures)
        return Kept(row, load_marks(found[0]), found[1], files, vector_of(found[2]), json.loads(found[3]))

    def picks(self) -> Iterator[PickRow]:
        """All picks in the order picked."""
        return map(pick_row, self._db.execute(f"SELECT {PICK_COLUMNS} FROM pick ORDER BY ordinal"))

    def undelivered(self, source: str) -> list[PickRow]:
        """The picks of a source whose pictures are not written yet."""
        rows = self._db.execute(f"SELECT {PICK_COLUMNS} FROM pick WHERE files IS NULL AND source=?", (source,))
        return list(map(pick_row, rows))

    def count_delivered(self) -> int:
        """How many picks have their pictures."""
        return int(self._db.execute("SELECT COUNT(*) FROM pick WHERE files IS NOT NULL").fetchone()[0])

    def delivered(self, ordinal: int, files: Sequence[str], vector: Vector, outbox: Sequence[Outgoing] = ()) -> None:
        """The pictures of a pick are durable under these names; its vector is known by now. outbox: tells of it."""
        values = (json.dumps(list(files)), vector_bytes(vector), ordinal)
        with self._file.transaction():
            self._db.execute("UPDATE pick SET files=?, vector=? WHERE ordinal=?", values)
            self.outbox.put(outbox)

    def hand_over(self, after: int, most_bytes: int, token: str) -> list[Outgoing]:
        """The next records of the outbox behind a number, to be sent: see `SqliteFile.hand_over`."""
        return self._file.hand_over(self.outbox, after, most_bytes, token)

    def query(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Rows of a reading query, for reports; streamed."""
        with self._file.explained():
            yield from self._db.execute(sql, values)

    def conclude(self, notes: Mapping[str, Any], arrays: Sequence[str]) -> None:
        """Note the end of a run and let go, in the same step, of what was only kept for it.

        That is pictures, and arrays whose name begins with one of `arrays`.
        """
        with self._file.transaction():
            self._write(Changes(notes=notes))
            self._db.execute("DELETE FROM kept")
            self._db.execute("DELETE FROM picture")
            self._db.executemany("DELETE FROM array WHERE substr(name, 1, length(?1)) = ?1", [(one,) for one in arrays])
        self._written.clear()
        self.compact()

    def compact(self) -> None:
        """Give back the space that is not needed any more, once nothing waits and where there is room to do so."""
        with contextlib.suppress(sqlite3.Error):
            if self.outbox.standing().waiting:
                return
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
