"""The outbox: records that wait in the state's file until they are sent, within a bound.

Records have numbers from 1 on, in the order put in, and none is used twice. What is about to be sent is noted as
handed over first: it may have arrived from then on, so no policy drops it. What a policy drops is listed.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal, get_args

from streamsel.store import Outgoing

__all__ = ["Bound", "Dropped", "Outbox", "Policy", "Standing", "outbox_schema"]

Policy = Literal["oldest", "least_novel", "refuse"]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS {0}outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, about TEXT NOT NULL,
                                      distance REAL NOT NULL, bytes INTEGER NOT NULL, key BLOB NOT NULL,
                                      headers TEXT NOT NULL, value BLOB);
CREATE INDEX IF NOT EXISTS {0}outbox_novelty ON {0}outbox (distance, number, bytes);
CREATE TABLE IF NOT EXISTS {0}undelivered (number INTEGER PRIMARY KEY, id TEXT NOT NULL, about TEXT NOT NULL,
                                           reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS {0}outbox_head (one INTEGER PRIMARY KEY, id TEXT NOT NULL, handed INTEGER NOT NULL,
                                           delivered INTEGER NOT NULL, tokens TEXT NOT NULL);
"""

COUNTED: Final = """
CREATE TABLE IF NOT EXISTS {0}unlisted (reason TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""

ORDERS: Final[dict[str, str]] = {
    "oldest": "number",
    "least_novel": "distance, number",
    "refuse": "number DESC",
}
"""Policy -> which records go first where there is no room for all."""

TOKENS: Final = 16
"""Of so many of the latest processes it is known that they sent: one of them sent what is not acknowledged."""

INFINITE: Final = 1e308
"""Stands for the distance of a first pick, or an unknown one: it is the last that `least_novel` drops."""


@dataclass(frozen=True, slots=True)
class Bound:
    """nbytes: of all records that wait, at most. policy: which of them are dropped for it: see `ORDERS`."""

    nbytes: int
    policy: Policy = "oldest"

    def __post_init__(self) -> None:
        if self.nbytes < 1:
            raise ValueError(f"Bound.nbytes must be 1 or more, got {self.nbytes}")
        if self.policy not in get_args(Policy):
            raise ValueError(f"Bound.policy must be one of {', '.join(get_args(Policy))}, got {self.policy!r}")


@dataclass(frozen=True, slots=True)
class Standing:
    """How many records wait, their bytes, how many were delivered, and policy -> how many it dropped."""

    waiting: int
    nbytes: int
    delivered: int
    undelivered: dict[str, int]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record that was never sent. about: the picture that it told of. reason: the policy that dropped it."""

    number: int
    id: str
    about: str
    reason: str


def outbox_schema(prefix: str = "", *, listing: bool = True) -> str:
    """The tables of an `Outbox` with this prefix, as CREATE statements. listing: whether it lists all that it drops."""
    return (SCHEMA if listing else SCHEMA + COUNTED.lstrip()).format(prefix)


class Outbox:
    """Reads and writes the outbox's tables; writing belongs into a transaction of the store's.

    prefix: of the tables' names, so that a file can hold several outboxes. listed: how many of what a policy dropped
    are listed, the highest numbers; all others are counted alone. None: all are listed, which grows with them.
    explained: what reading is done within, so that its errors are those of the store.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        prefix: str = "",
        listed: int | None = None,
        explained: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._db, self._listed, self._explained = db, listed, explained
        self._outbox, self._head_table = f"{prefix}outbox", f"{prefix}outbox_head"
        self._undelivered, self._unlisted = f"{prefix}undelivered", f"{prefix}unlisted"
        self.bound = Bound(1 << 30)

    def begin(self) -> None:
        """Give it its id, where it has none yet: reading then writes nothing."""
        self._head()

    @property
    def id(self) -> str:
        """What tells this outbox from all others: 32 random hexadecimal digits."""
        return str(self._head()[0])

    @property
    def handed(self) -> int:
        """Up to this number records may have been sent."""
        return int(self._head()[1])

    @property
    def tokens(self) -> tuple[str, ...]:
        """Of the processes that may have sent records, the latest last."""
        return tuple(self._head()[3].split())

    @property
    def settled(self) -> int:
        """Up to this number no record waits: they arrived, or were dropped."""
        with self._explained():
            waits = self._db.execute(f"SELECT MIN(number) FROM {self._outbox}").fetchone()[0]
            last = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (self._outbox,)).fetchone()
        return int(waits) - 1 if waits is not None else int(last[0]) if last else 0

    def standing(self) -> Standing:
        """What is in it, and what became of the rest."""
        counts = f"SELECT reason, COUNT(*) AS count FROM {self._undelivered} GROUP BY reason"
        if self._listed is not None:
            counts += f" UNION ALL SELECT reason, count FROM {self._unlisted}"
        reasons = f"SELECT reason, SUM(count) FROM ({counts}) GROUP BY reason ORDER BY reason"
        with self._explained():
            waiting, nbytes = self._db.execute(f"SELECT COUNT(*), TOTAL(bytes) FROM {self._outbox}").fetchone()
            return Standing(int(waiting), int(nbytes), int(self._head()[2]), dict(self._db.execute(reasons)))

    def waiting(self, after: int, most_bytes: int) -> list[Outgoing]:
        """The records behind number `after`, in order: one, and more as long as all have at most `most_bytes`."""
        with self._explained():
            return self._waiting(after, most_bytes)

    def _waiting(self, after: int, most_bytes: int) -> list[Outgoing]:
        found: list[Outgoing] = []
        rows = self._db.execute(
            f"SELECT number, id, about, distance, bytes, key, headers, value FROM {self._outbox} WHERE number > ?"
            " ORDER BY number",
            (after,),
        )
        for number, id_, about, distance, nbytes, key, headers, value in rows:
            most_bytes -= nbytes
            if found and most_bytes < 0:
                break
            found.append(Outgoing(id_, key, _loaded(headers), value, distance, about, number))
        rows.close()
        return found

    def dropped(self, most: int) -> Iterator[Dropped]:
        """What a policy dropped, the latest `most`, in order."""
        latest = f"SELECT number, id, about, reason FROM {self._undelivered} ORDER BY number DESC LIMIT ?"
        with self._explained():
            for row in self._db.execute(f"SELECT * FROM ({latest}) ORDER BY number", (most,)):
                yield Dropped(*row)

    def put(self, records: Iterable[Outgoing]) -> None:
        """Put records in, and drop what the policy says until all that wait are within the bound."""
        new = self._db.executemany(
            f"INSERT INTO {self._outbox} (id, about, distance, bytes, key, headers, value) VALUES (?,?,?,?,?,?,?)",
            ((r.id, r.about, _finite(r.distance), r.nbytes, r.key, _dumped(r.headers), r.value) for r in records),
        )
        if new.rowcount > 0:
            self._make_room()

    def hand_over(self, number: int, token: str) -> None:
        """Records up to this number are about to be sent by the process of this token: no policy drops them now."""
        tokens = [*(one for one in self.tokens if one != token), token][-TOKENS:]
        update = f"UPDATE {self._head_table} SET handed = max(handed, ?), tokens = ?"
        self._db.execute(update, (number, " ".join(tokens)))

    def acknowledge(self, number: int) -> None:
        """Records up to this number have arrived, and are gone from here."""
        self._head()
        gone = self._db.execute(f"DELETE FROM {self._outbox} WHERE number <= ?", (number,)).rowcount
        self._db.execute(f"UPDATE {self._head_table} SET delivered = delivered + ?", (gone,))

    def _make_room(self) -> None:
        over = self._db.execute(f"SELECT TOTAL(bytes) FROM {self._outbox}").fetchone()[0] - self.bound.nbytes
        if over <= 0:
            return
        dropped = []
        order = ORDERS[self.bound.policy]
        for number, nbytes in self._db.execute(
            f"SELECT number, bytes FROM {self._outbox} WHERE number > ? ORDER BY {order}", (self.handed,)
        ):
            dropped.append((self.bound.policy, number))
            over -= nbytes
            if over <= 0:
                break
        self._drop(dropped)

    def _drop(self, dropped: Sequence[tuple[str, int]]) -> None:
        """Records by reason and number: listed from now on, and gone from here."""
        self._db.executemany(
            f"INSERT INTO {self._undelivered} SELECT number, id, about, ? FROM {self._outbox} WHERE number = ?", dropped
        )
        self._db.executemany(f"DELETE FROM {self._outbox} WHERE number = ?", [(number,) for _, number in dropped])
        if self._listed is not None:
            self._shorten(self._listed)

    def _shorten(self, listed: int) -> None:
        """Count what is more than so many, and list it no longer."""
        numbers = f"SELECT number FROM {self._undelivered} ORDER BY number DESC LIMIT 1 OFFSET ?"
        old = f"FROM {self._undelivered} WHERE number <= ({numbers})"
        self._db.execute(
            f"INSERT INTO {self._unlisted} SELECT reason, COUNT(*) {old} GROUP BY reason"
            " ON CONFLICT (reason) DO UPDATE SET count = count + excluded.count",
            (listed,),
        )
        self._db.execute(f"DELETE {old}", (listed,))

    def _head(self) -> tuple[str, int, int, str]:
        """Id, number handed over, count delivered, tokens; made at the first look."""
        select = f"SELECT id, handed, delivered, tokens FROM {self._head_table}"
        found: tuple[str, int, int, str] | None
        with self._explained():
            if (found := self._db.execute(select).fetchone()) is None:
                found = (secrets.token_hex(16), 0, 0, "")
                self._db.execute(f"INSERT INTO {self._head_table} VALUES (1, ?, ?, ?, ?)", found)
            return found


def _finite(distance: float) -> float:
    return distance if distance < INFINITE else INFINITE  # also what is no number


def _dumped(headers: Sequence[tuple[str, bytes]]) -> str:
    return json.dumps([(name, value.decode("utf-8", "surrogateescape")) for name, value in headers])


def _loaded(headers: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("utf-8", "surrogateescape")) for name, value in json.loads(headers))
