"""A run and its pool: what of it counts as picked, which sources it knows, and how picks join it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsel.data import Source, Vector
from streamsel.errors import StateError, UsageError
from streamsel.pool import Entry, Run
from streamsel.rules.material import TIME
from streamsel.rules.own_values import object_name
from streamsel.sink.names import digits_for, frame_id, frame_name, object_id, started_at
from streamsel.store import Changes, PickRow
from streamsel.store.embedded import SqliteStore

if TYPE_CHECKING:
    from streamsel.pool.datapool import Pool

__all__ = ["begun", "ended", "new_sources", "remember"]


def new_sources(sources: Sequence[Source], pool: Pool, mine: Sequence[str]) -> list[Source]:
    """The sources at which no run of the pool has looked; mine: those of this run, which it goes on with.

    Raises UsageError when there are none.
    """
    found = [source for source in sources if source.id in mine or not pool.remembers(source.id)]
    if not found:
        raise UsageError(
            f"{pool.path}: remembers all {len(sources)} sources already: there is nothing new to look at; give others,"
            " or another --pool"
        )
    return found


def begun(pool: Pool, store: SqliteStore) -> tuple[int, list[str]]:
    """How many rows of the pool count as picked: those that were there when the run began. Notes it, and the run's id.

    Gives also the runs whose rows do not count, because the store has their picks itself.

    Raises StateError where the pool has lost some since.
    """
    if store.note("run") is None:
        store.commit(Changes(notes={"run": uuid.uuid4().hex, "pool": len(pool)}))
    rows = int(store.note("pool"))
    if rows > len(pool):
        raise StateError(f"{pool.path}: has lost rows since this run began; start it anew with --fresh")
    return rows, list(store.note("runs") or ())


def ended(store: SqliteStore) -> dict[str, Any]:
    """What is noted when a run of a pool is complete."""
    return {"run": None, "runs": [*(store.note("runs") or ()), store.note("run")]} if store.note("run") else {}


def remember(pool: Pool, store: SqliteStore, keys: Mapping[str, str], goal: str) -> None:
    """The run's picks join the pool in one step, and once, however often this is called."""
    facts = {stream: dict(store.restore(stream).facts) for stream in store.streams()}
    run = Run(store.note("run"), datetime.now(UTC), goal, tuple(facts))
    pool.append(run, _entries(store.picks(), facts, keys))


def _entries(
    picks: Iterator[PickRow], facts: Mapping[str, Mapping[str, Any]], keys: Mapping[str, str]
) -> Iterator[Entry]:
    for pick in picks:
        mark = pick.marks[0]
        digits, started = digits_for(facts[mark.source]["total"]), started_at(facts[mark.source]["started"], mark)
        name = frame_name(mark, digits, mark.name.rpartition(".")[2] or "png", started)
        id = frame_id(mark, digits, started)
        if pick.box is not None:
            id, name = object_id(id, pick.box.index), object_name(name, mark, pick.box)
        signals = {keys.get(column, column): value for column, value in pick.signals.items()}
        values = {**signals, "SOURCE": mark.source, TIME: pick.signals.get(TIME, mark.time)}
        yield Entry(id, mark.source, name, _vector(pick.vector), values)


def _vector(vector: Vector) -> Vector:
    return np.array(vector, np.float32)
