"""What a finished run leaves in its folder: manifest, embeddings, decisions, summary, all made from the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsel.config import SelectConfig
from streamsel.data import Decision
from streamsel.embed import Row
from streamsel.rules.keys import keys_of
from streamsel.rules.own_vectors import OwnVectors
from streamsel.run.comparison import comparison, since
from streamsel.run.heirs import Heirs
from streamsel.run.notes import notes_of
from streamsel.run.parts import Parts
from streamsel.run.picked_objects import object_counts, object_record, write_picked_crops
from streamsel.run.pooling import ended, remember
from streamsel.run.sequence_numbers import SequenceNumbers
from streamsel.run.workspace import Workspace
from streamsel.sink.decisions import write_decisions
from streamsel.sink.embeddings import write_embeddings
from streamsel.sink.json_file import write_json
from streamsel.sink.manifest import MANIFEST, OBJECTS, manifest_record, write_manifest
from streamsel.sink.names import digits_for, frame_id, object_id, started_at
from streamsel.sink.sequences import sequence_entry, write_sequences
from streamsel.store import PickRow

if TYPE_CHECKING:
    from streamsel.pool.datapool import Pool

__all__ = ["conclude"]

AT_ONCE = 4096

CHOICE = ("entrance/", "filters/", "judge/", "scout/", "selector/")
SAMPLES = ("scout/samples.",)
"""Arrays that an ended run needs no more, of a budget and of a stream."""

DECISIONS = """
SELECT source, first, last, pts, time, ?, keep, reason, distance, nearest, row, 1 FROM judged
UNION ALL
SELECT source, first, last, pts, time, frames, 0, reason, NULL, -1, row, 0 FROM span
WHERE NOT (own AND row IN (SELECT row FROM judged))
ORDER BY 1, 2
"""


def conclude(
    parts: Parts, config: SelectConfig, space: Workspace, pool: Pool | None, timings: Mapping[str, float], watched: int
) -> None:
    """Write all tables, then the summary, let the picks join the pool, then note the run as complete.

    timings: stage -> seconds of this call, in which so many frames were `watched`.
    May be repeated at will.
    """
    folder, store = space.folder, space.store
    facts = {stream: dict(store.restore(stream).facts) for stream in store.streams()}
    keys = keys_of(config.rules)
    numbers = SequenceNumbers(store, facts)
    ids = [_picked(pick, facts) for pick in store.picks()]
    record = partial(_record, config, facts, keys, numbers, ids)
    write_manifest(folder, map(record, store.picks()), OBJECTS if config.objects else MANIFEST)
    if config.objects:
        write_picked_crops(folder, store.picks(), map(record, store.picks()), config.padding)
    if _embedded(parts):
        write_embeddings(folder, (pick.vector for pick in store.picks()), parts.judge.embedder.dim)
    write_decisions(folder, _decisions(parts))
    if config.sequence_length > 1:
        write_sequences(folder, (_sequence(pick, facts) for pick in store.picks()))
    write_json(folder / "selection.json", config.asked())
    for name, listing in parts.entrance.inspection.listings.items():
        if listing.total:
            write_json(folder / f"{name}.json", listing.rows)
    made = comparison(parts) if _embedded(parts) and config.compares else None
    table = made.to_json() if made else store.note("statistics")
    told = since(parts) if made else store.note("since")
    notes = [*notes_of(parts, config, facts, pool), *([told] if told else [])]
    summary = _summary(parts, config, facts, table, notes)
    seconds = {stage: round(spent, 3) for stage, spent in timings.items()}
    write_json(folder / "summary.json", {**summary, "watched": watched, "seconds": seconds})
    if pool is not None:
        remember(pool, store, keys, config.goal)
    store.conclude(
        {
            "complete": True,
            **ended(store),
            "rows": parts.scout.seen,
            "statistics": table,
            "since": told,
            "ended_sources": list(facts),
        },
        CHOICE if config.budget else SAMPLES,
    )


def _record(
    config: SelectConfig,
    facts: Mapping[str, Mapping[str, Any]],
    keys: Mapping[str, str],
    numbers: SequenceNumbers,
    ids: Sequence[str],
    pick: PickRow,
) -> dict[str, Any]:
    fact = facts[pick.marks[0].source]
    decision = Decision(True, pick.reason, pick.distance, pick.nearest, pick.gains)
    record = manifest_record(
        pick.marks,
        decision,
        _id(pick, fact),
        (pick.files or ())[: len(pick.marks)],
        sequence=numbers.of(pick),
        signals={keys.get(column, column): value for column, value in pick.signals.items()},
        index_exact=fact.get("index_exact", True),
        nearest=ids[pick.nearest] if pick.nearest >= 0 else None,
    )
    return object_record(record, pick, config.padding)


def _picked(pick: PickRow, facts: Mapping[str, Mapping[str, Any]]) -> str:
    """What the manifest calls a pick."""
    frame = _id(pick, facts[pick.marks[0].source])
    return frame if pick.box is None else object_id(frame, pick.box.index)


def _id(pick: PickRow, fact: Mapping[str, Any], place: int = 0) -> str:
    mark = pick.marks[place]
    return frame_id(mark, digits_for(fact["total"]), started_at(fact["started"], mark))


def _sequence(pick: PickRow, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    fact = facts[pick.marks[0].source]
    written = [file.removeprefix("frames/") for file in pick.files or ()]
    every = [f"{_id(pick, fact, place)}.jpg" for place in range(len(pick.marks))]
    return sequence_entry(pick.marks, written if len(written) == len(every) else every)


def _decisions(parts: Parts) -> Iterator[dict[str, Any]]:
    """A row per candidate judged or span held, by source and index; spans tell the pick nearest to their stand-in."""
    heirs = Heirs(parts.store)
    cursor = parts.store.query(DECISIONS, parts.length)
    names = ("source", "first", "last", "pts", "time", "count", "decision", "reason", "distance", "nearest")
    merged = _merged(cursor)
    while rows := list(islice(merged, AT_ONCE)):
        nearest = heirs.picks_of([row[10] for row in rows])
        for row, pick in zip(rows, nearest, strict=True):
            values = dict(zip(names, row, strict=False))
            values["decision"] = "pick" if row[6] else "drop"
            values["nearest"] = row[9] if row[11] else pick
            yield values


def _merged(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Neighbouring spans under one stand-in as one, wherever a commit may have cut them."""
    before: tuple[Any, ...] | None = None
    for row in rows:
        spans = before and not before[11] and not row[11]
        if before and spans and all(before[at] == row[at] for at in (0, 7, 10)):
            before = (*before[:2], row[2], *before[3:5], before[5] + row[5], *before[6:])
            continue
        if before:
            yield before
        before = row
    if before:
        yield before


def _summary(
    parts: Parts,
    config: SelectConfig,
    facts: Mapping[str, Any],
    table: Any,
    notes: list[str],
) -> dict[str, Any]:
    """Everything about the run that is not about one pick."""
    looked = sum(fact["frames"] for fact in facts.values())
    picks = next(parts.store.query("SELECT COUNT(*) FROM pick"))[0] * config.sequence_length
    objects = object_counts(parts.store, parts.cut, config.objects) if parts.cut and config.objects else {}
    among = objects.get("looked", looked)
    failed = {source: fact["error"] for source, fact in facts.items() if "error" in fact}
    return {
        "version": version("streamsel"),
        "model": parts.judge.embedder.name,
        **({"embeddings": own.told()} if isinstance(own := parts.judge.embedder, OwnVectors) else {}),
        "goal": config.goal,
        "frames": looked,
        "picks": picks,
        "target": config.n or config.proportion or config.target_ratio,
        "reached": picks if config.n or not among else picks / among,
        "drops": _drops(parts),
        **({"objects": objects} if objects else {}),
        **{name: listing.total for name, listing in parts.entrance.inspection.listings.items()},
        **(parts.store.note("reached") or _reached(parts)),
        "sources": [{"id": source, **_without_error(fact)} for source, fact in facts.items()],
        "failed": failed,
        "notes": notes,
        "statistics": table,
        "config": config.identity(),
        "libraries": {name: version(name) for name in ("av", "numpy", "openvino", "pyarrow")},
    }


def _embedded(parts: Parts) -> bool:
    """Whether every pick has a vector: those of a run without a table that read none have not."""
    length = 4 * parts.judge.embedder.dim
    if not length:
        return False
    lacking = next(parts.store.query("SELECT COUNT(*) FROM pick WHERE LENGTH(vector) <> ?", length))[0]
    return not lacking


def _reached(parts: Parts) -> dict[str, Any]:
    """What each strategy of a stream asked for, and what its picks reached."""
    picks = list(parts.store.picks())
    if not picks:
        return {}
    decisions = [Decision(True, pick.reason, pick.distance, pick.nearest, pick.gains) for pick in picks]
    rows = [Row(pick.row, pick.marks, signals=pick.signals, box=pick.box) for pick in picks]
    parts.batch(rows, np.array([pick.vector for pick in picks], np.float32), ())
    return {"strategies": parts.reached(range(len(picks)), decisions)["strategies"]}


def _drops(parts: Parts) -> dict[str, int]:
    """Frames dropped, by reason."""
    query = parts.store.query
    judged = query(
        "SELECT reason, COUNT(*) * ? FROM judged WHERE NOT keep GROUP BY reason ORDER BY reason", parts.length
    )
    held = query(
        "SELECT reason, SUM(frames) FROM span WHERE NOT (own AND row IN (SELECT row FROM judged))"
        " GROUP BY reason ORDER BY reason"
    )
    return {**dict(judged), "held": 0, **dict(held)}


def _without_error(fact: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fact.items() if name != "error"}
