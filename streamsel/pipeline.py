"""The way of a frame, on one page: watch every source once, choose what only the end can tell, deliver the pictures.

Stream and budget are one loop: what the scout lets through in `look` is judged and decided at once, what it keeps
until `finish` is judged and chosen at the end. Everything is committed at block ends; each step starts from what the
store holds, so a run that was killed goes on with the same command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

import numpy as np

from streamsel.data import Candidate, Decision, Mark, Pick, Source, Vector
from streamsel.decode import Decoder
from streamsel.embed import Looked, Row, Window
from streamsel.errors import SourceError
from streamsel.rules.object_rows import of_rows
from streamsel.run.frames import blocks_of, window_of, windows_again, windows_of
from streamsel.run.going import Interrupted
from streamsel.run.parts import Parts
from streamsel.run.sequence_numbers import stretches
from streamsel.store import PickRow

__all__ = ["run"]

FLUSHED: Final = 4
"""Frames whose pictures are written before they are flushed, and known to be there."""


def run(parts: Parts) -> None:
    """Do what is not done yet, from the first frame to the last picture on disk."""
    if not parts.store.note("chosen"):
        for source in _unfinished(parts):
            _watch(parts, source)
        _refuse_nothing(parts)
        if parts.budget:
            _choose(parts, parts.budget)
    _deliver(parts)


def _unfinished(parts: Parts) -> list[Source]:
    """The sources to look at, first the one that was being looked at when an earlier run ended."""
    places = {source: parts.store.restore(source.id) for source in parts.sources}
    return sorted((s for s in parts.sources if not places[s].done), key=lambda s: places[s].position is None)


def _refuse_nothing(parts: Parts) -> None:
    """When no source gave a frame there is nothing to choose from, now or on a later try."""
    facts = [parts.store.restore(source).facts for source in parts.store.streams()]
    errors = [str(fact["error"]) for fact in facts if "error" in fact]
    if errors and not any(fact["frames"] for fact in facts):
        more = f" (and {len(errors) - 1} more sources failed)" if len(errors) > 1 else ""
        raise SourceError(errors[0] + more)


def _watch(parts: Parts, source: Source) -> None:
    """Look at every frame of a source that was not looked at yet."""
    place = parts.store.restore(source.id)
    facts: dict[str, Any] = {"frames": 0, "problems": {}, **place.facts}
    if facts.pop("error", None) or not facts["frames"]:
        facts["stretches"] = stretches(facts, place.position, parts.scout.seen, parts.length)
    parts.ledger.start(place.position)
    try:
        with parts.open(source) as decoder:
            facts = parts.begin(source, decoder, facts, place.position.index + 1 if place.position else 0)
            parts.entrance.inspection.begin()
            parts.scout.begin(facts["expected"])
            _look(parts, source, decoder, place.position, facts)
    except SourceError as error:
        facts["error"] = str(error)
    if facts["frames"]:
        parts.ledger.inherit(parts.scout.end())
    parts.ledger.commit(source, done="error" not in facts, facts=facts)


def _look(parts: Parts, source: Source, decoder: Decoder, after: Mark | None, facts: dict[str, Any]) -> None:
    earlier = Counter(facts["problems"])
    for block in blocks_of(parts, source, decoder, decoder.read(after)):
        first = parts.entrance.seen
        reasons = parts.entrance.reasons(block)
        places = [place for place, reason in enumerate(reasons) if not reason]
        looked = _scouted(parts, [block[place] for place in places])
        at = {row: first + place for row, place in zip(looked.ids, places, strict=True)}
        _settle(parts, source, looked.rows, [at[row.id] for row in looked.rows])
        parts.ledger.block(block, reasons, looked)
        facts["frames"] += len(block) * parts.length
        parts.progress("watching", len(block) * parts.length, len(parts.selector))
        _note_problems(parts, source, decoder, earlier, facts)
        stop = parts.stopping()
        if stop or parts.ledger.due:
            parts.ledger.commit(source, facts=facts)
        if stop:
            raise Interrupted
    _note_problems(parts, source, decoder, earlier, facts)


def _note_problems(
    parts: Parts, source: Source, decoder: Decoder, earlier: Counter[str], facts: dict[str, Any]
) -> None:
    """What was wrong with a source is counted; pictures that cannot be opened are listed."""
    facts["problems"] = dict(earlier + decoder.problems)
    parts.entrance.inspection.unreadable(source.id, getattr(decoder, "unreadable", {}))


def _scouted(parts: Parts, block: list[Window]) -> Looked:
    """What the scout makes of windows that no filter turned away, if there are any."""
    return parts.scout.look(block, parts.entrance.admit(block)) if block else Looked((), ())


def _settle(parts: Parts, source: Source, rows: Sequence[Row], places: Sequence[int]) -> None:
    """Judge rows and decide on them; the pictures of picks are written before the block is committed.

    places: numbers of the rows among all that was looked at.
    """
    if not rows:
        return
    things = _things(parts, rows, (window_of(parts, source, row) for row in rows))
    vectors, ordinal = parts.judge.vectors(things), len(parts.selector)
    steps = None if parts.cut else np.diff(places, prepend=parts.selector.looked - 1).tolist()
    objects = parts.objects.vectors(window_of(parts, source, row) for row in rows) if parts.objects else ()
    decisions = parts.selector.offer(parts.batch(things, vectors, objects), steps)
    _tell(parts, rows, things, decisions)
    picks: list[tuple[Row, Vector, Decision, Sequence[str]]] = []
    for thing, vector, decision in zip(things, vectors, decisions, strict=True):
        if decision:
            frames = window_of(parts, source, thing)
            vector, files = _write(parts, ordinal + len(picks), thing, vector, decision, frames)
            picks.append((thing, vector, decision, files))
    parts.sink.flush()
    for number, pick in enumerate(picks, start=ordinal):
        parts.ledger.pick(number, *pick)
    if parts.seen:
        parts.ledger.inherit(parts.seen.offer([row.id for row in rows], vectors))


def _things(parts: Parts, rows: Sequence[Row], windows: Iterable[Window]) -> Sequence[Row]:
    """What is selected: the rows themselves, or the objects of their frames."""
    return parts.cut.rows(rows, windows) if parts.cut else rows


def _tell(parts: Parts, rows: Sequence[Row], things: Sequence[Row], decisions: Sequence[Decision]) -> None:
    """Scout and ledger know of rows; where objects are selected, the best one of each decides."""
    if parts.cut:
        parts.cut.settle(decisions)
    decided = of_rows(rows, things, decisions)
    parts.scout.settle([row.id for row in rows], decided)
    for row, decision in zip(rows, decided, strict=True):
        parts.ledger.decide(row, decision)


def _choose(parts: Parts, budget: Callable[[Sequence[int]], int]) -> None:
    """Judge what the scout kept to the end, and choose among it."""
    ids, counts = parts.scout.finish()
    judging = partial(parts.progress, "judging", kept=0, total=len(ids) * parts.length)
    judging(0)
    rows, vectors = parts.recall(ids, lambda count: judging(count * parts.length))
    things = _things(parts, rows, windows_again(parts, rows))
    vectors = parts.judge.vectors(things) if parts.cut else vectors
    objects = parts.objects.vectors(windows_again(parts, rows)) if parts.objects else ()
    known = dict(zip(ids, counts, strict=True))
    weights = [known[thing.id] for thing in things]
    parts.selector.offer(parts.batch(things, vectors, objects, weights))
    order, decisions = parts.selector.finish(budget(weights))
    _tell(parts, rows, things, decisions)
    parts.objects.kept.add([objects[place] for place in order if objects])
    for ordinal, place in enumerate(order, start=len(parts.selector)):
        parts.ledger.pick(ordinal, things[place], vectors[place], decisions[place], None)
    parts.ledger.commit(notes={"chosen": True, "reached": parts.reached(order, decisions)})


def _deliver(parts: Parts) -> None:
    """Write the pictures of picks that were chosen at the end and are not on disk yet."""
    written = parts.store.count_delivered()
    total = next(parts.store.query("SELECT COUNT(*) FROM pick"))[0] * parts.length
    if total > written * parts.length:
        parts.progress("writing", written * parts.length, written, total)
    for source in parts.sources:
        rows = sorted(parts.store.undelivered(source.id), key=lambda pick: (pick.marks[0].index, pick.ordinal))
        written_rows = (_written(parts, *each) for each in zip(rows, windows_of(parts, source, rows), strict=True))
        while some := list(islice(written_rows, max(1, FLUSHED // parts.length))):
            parts.sink.flush()
            for row, vector, files in some:
                parts.ledger.written(row, files, vector)
            written += len(some)
            parts.progress("writing", len(some) * parts.length, written, total)
            if parts.stopping():
                raise Interrupted


def _written(parts: Parts, row: PickRow, frames: Window) -> tuple[PickRow, Vector, Sequence[str]]:
    """A pick that was chosen at the end, with what `_write` gives."""
    decision = Decision(True, row.reason, row.distance, row.nearest)
    return row, *_write(parts, row.ordinal, row, row.vector, decision, frames)


def _write(
    parts: Parts, ordinal: int, row: Row | PickRow, vector: Vector, decision: Decision, frames: Window
) -> tuple[Vector, Sequence[str]]:
    """The pick's vector, and the names of its files, which last from the next flush on."""
    vector = vector if vector.size else parts.embed(frames)
    pick = Pick(ordinal, Candidate(row.marks, vector, box=row.box), decision)
    return vector, parts.sink.write(pick, frames)
