"""One SQLite file that one process holds: how it is opened, written all or nothing, and what its errors say.

SQLite runs in WAL mode with synchronous=NORMAL: a killed process loses nothing, a power cut at most the last
commits but for those that are `lasting`, never consistency.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from streamsel.errors import InUseError, SinkError, StateError
from streamsel.store import Outgoing
from streamsel.store.outbox import Outbox

__all__ = ["Advice", "SqliteFile", "in_use"]

NOTES: Final = "CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT NOT NULL);\n"

FIRST: Final = "locking_mode=EXCLUSIVE"
"""Set before anything looks into the file: then the index of its log is kept in memory, and not in a file as well."""
PRAGMAS: Final = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-8000")

HELD: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


LOCKED: Final = 0x40000000, 512
"""Where SQLite locks a file, and how many bytes of it (https://www.sqlite.org/fileformat.html, the lock-byte page)."""


class _Connection(sqlite3.Connection):
    """Its `close` ends what is read through it, too: SQLite holds the file locked for as long as somebody may go on
    reading, such as a generator in the traceback of an error that the caller keeps."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reading: WeakSet[sqlite3.Cursor] = WeakSet()

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        cursor = super().execute(*arguments)
        self._reading.add(cursor)
        return cursor

    def close(self) -> None:
        for cursor in list(self._reading):
            cursor.close()
        super().close()


def in_use(path: Path) -> bool:
    """Whether another process holds a file as `SqliteFile` does. Nothing is changed; not for a process that holds it
    itself, which would lose its hold. Raises OSError where it cannot be read."""
    try:
        with path.open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, LOCKED[1], LOCKED[0])
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (BlockingIOError, PermissionError) as error:  # POSIX leaves open which of them it is
        if error.filename is not None:
            raise
        return True
    return False


@dataclass(frozen=True, slots=True)
class Advice:
    """What an error says behind the path, and what to do. held: by another process. damaged: or of something else.

    outdated: of another version, which is told before. full: the disk is. refused: why it cannot be written is told
    before.
    """

    held: str
    damaged: str
    outdated: str
    full: str
    refused: str


class SqliteFile:
    """Opened, with the tables of `schema`, CREATE statements each ended by `;` and a new line. version: of what the
    tables mean, noted in a new file. pragmas: more of them, or others, as `name=value`. made_with: those of a new file,
    which last: in one that is there already some of them would write, and a full disk would refuse to open it.

    Raises InUseError, StateError for a file that is damaged or of another version (which is left as it was), SinkError
    where it cannot be written. For the thread that made it.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        *,
        version: int | str,
        advice: Advice,
        pragmas: Sequence[str] = (),
        made_with: Sequence[str] = (),
    ) -> None:
        self.path, self._advice = path, advice
        with self.explained():
            self.db = sqlite3.connect(path, isolation_level=None, timeout=0.2, factory=_Connection)
        try:
            with self.explained():
                self._set((FIRST,))
                new = not self.db.execute("PRAGMA page_count").fetchone()[0]
                self._set((*(made_with if new else ()), *PRAGMAS, *pragmas))
            with self.transaction():
                self._begin(schema, version)
        except BaseException:
            self.db.close()
            raise

    def _set(self, pragmas: Sequence[str]) -> None:
        for pragma in pragmas:
            self.db.execute(f"PRAGMA {pragma}")

    def _begin(self, schema: str, version: int | str) -> None:
        self.db.execute(NOTES)
        found = self.note("version")
        if found is None:
            self.write_notes({"version": version})
        elif found != version:
            raise StateError(
                f"{self.path}: written by another version (state {found}, this is {version}); {self._advice.outdated}"
            )
        for statement in schema.strip().split(";\n"):
            self.db.execute(statement)

    def close(self) -> None:
        """Let the file go; everything committed is in it."""
        self.db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; SinkError or StateError when the file cannot be written."""
        with self.explained():
            try:
                self.db.execute("BEGIN IMMEDIATE")
                yield
                self.db.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):  # it may have rolled back by itself
                    self.db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    self.shorten_log()
                raise

    def shorten_log(self) -> None:
        """Move what the log holds into the file, so that a full disk has some room for the next transaction."""
        with contextlib.suppress(sqlite3.Error):
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def note(self, key: str) -> Any:
        """A JSON value noted under key, or None."""
        with self.explained():
            found = self.db.execute("SELECT value FROM note WHERE key=?", (key,)).fetchone()
        try:
            return json.loads(found[0]) if found else None
        except (ValueError, TypeError) as error:
            raise StateError(f"{self.path}: {self._advice.damaged}") from error

    def write_notes(self, notes: Mapping[str, Any]) -> None:
        """Note JSON values; inside of a transaction."""
        rows = [(key, json.dumps(value)) for key, value in notes.items()]
        self.db.executemany("REPLACE INTO note VALUES (?,?)", rows)

    def hand_over(self, outbox: Outbox, after: int, most_bytes: int, token: str) -> list[Outgoing]:
        """The next records of an outbox behind a number, to be sent: see `Outbox.waiting`. token: of this process.

        That they were handed over outlasts a power cut, so that what may have arrived is never numbered anew.
        """
        with self.explained():
            records = outbox.waiting(after, most_bytes)
            if records and (records[-1].number > outbox.handed or token not in outbox.tokens):
                self._hand_over(outbox, records[-1].number, token)
        return records

    def _hand_over(self, outbox: Outbox, number: int, token: str) -> None:
        with self.lasting(), self.transaction():
            outbox.hand_over(number, token)

    @contextlib.contextmanager
    def lasting(self) -> Iterator[None]:
        """What is committed within outlasts a power cut, and so does all that was committed before."""
        self._set(("synchronous=FULL",))
        try:
            yield
        finally:
            self._set(("synchronous=NORMAL",))

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Errors of SQLite as those of streamsel."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._told(error) from error
        except UnicodeDecodeError as error:
            raise StateError(f"{self.path}: {self._advice.damaged}") from error

    def _told(self, error: sqlite3.Error) -> StateError | SinkError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the rest of it says more than is told
        if code in HELD:
            return InUseError(f"{self.path}: {self._advice.held}")
        if code in DAMAGED or (code == sqlite3.SQLITE_ERROR and isinstance(error, sqlite3.OperationalError)):
            return StateError(f"{self.path}: {self._advice.damaged}")  # tables or texts that are none of ours, too
        if code == sqlite3.SQLITE_FULL:
            return SinkError(f"{self.path}: {self._advice.full}")
        return SinkError(f"{self.path}: cannot be written ({error}); {self._advice.refused}")
