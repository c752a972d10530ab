"""From messages to what is committed of them: chunks of bounded size are opened, embedded, decided and written.

What a window of time chose, and sequences, are not written here: they are owed, see `streamsel.ingest.debts`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streamsel.data import Vector
from streamsel.ingest.parts import Parts
from streamsel.ingest.pictures import Opened, Poison
from streamsel.lanes.breath import Breath, silent
from streamsel.lanes.deciding import BrokenOff, Open, Place, Settled
from streamsel.lanes.lane import Lane, Taken, Verdict
from streamsel.lanes.wall_time import on_the_wall
from streamsel.topic import Finished, Message, Record

__all__ = ["Chosen", "Done", "as_taken", "chunks", "dead", "decided", "embedded", "ended"]

Chosen = Sequence[tuple[Place, Verdict]]

AHEAD: Final = 5.0
"""Seconds by which clocks of machines may differ."""

FEW: Final = 32
"""Pictures that are embedded without a breath."""


@dataclass(slots=True)
class Done:
    """What came of a chunk: what is to be committed, and how much it was.

    picked: of each picture that is sent, since when it could have been, milliseconds since 1970: the time of its
    record, or of that of its sequence's last frame, or the end of its window. lost: pictures that are gone. unusable:
    frames that the selection could not decide on. incomplete: frames whose sequence stays incomplete. dead: letters;
    one tells of all such frames of a record. complaint: about the last record that could not be used. ended: partition,
    window, picks; troubles: partition, what could not be chosen as it was asked for.
    """

    records: list[tuple[str, Record]] = field(default_factory=list)
    state: dict[int, Mapping[bytes, bytes | None]] = field(default_factory=dict)
    offsets: dict[int, int] = field(default_factory=dict)
    picked: list[int] = field(default_factory=list)
    ended: list[tuple[int, Open, int]] = field(default_factory=list)
    troubles: list[tuple[int, str]] = field(default_factory=list)
    messages: int = 0
    nbytes: int = 0
    frames: int = 0
    unusable: int = 0
    incomplete: int = 0
    lost: int = 0
    dead: int = 0
    complaint: str = ""

    @property
    def finished(self) -> Finished:
        """As a member commits it."""
        return Finished(self.records, self.state, self.offsets)


def chunks(opened: Iterable[Opened | Poison], most: int, size: int, breath: Breath) -> Iterator[list[Opened | Poison]]:
    """Frames as they come, cut where there are so many of them, or so many bytes."""
    chunk: list[Opened | Poison] = []
    held = 0
    for one in opened:
        breath()
        chunk.append(one)
        held += one.nbytes if isinstance(one, Opened) else 0
        if len(chunk) >= most or held >= size:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def embedded(parts: Parts, frames: Sequence[Opened], breath: Breath) -> Vector:
    """(len(frames), D) float32, frames of all partitions at once; (len(frames), 0) where nothing reads vectors."""
    if not (parts.embeds and frames):
        return np.empty((len(frames), 0), np.float32)
    step, vectors = max(parts.embedder.batch, FEW), []
    for start in range(0, len(frames), step):
        vectors.append(parts.embedder.embed(np.stack([one.picture for one in frames[start : start + step]])))
        breath()
    return np.concatenate(vectors)


def decided(
    parts: Parts,
    lane: Lane,
    chunk: Sequence[Opened | Poison],
    vectors: Sequence[Vector],
    done: Done,
    breathe: Callable[[], None] = silent,
) -> Chosen:
    """Decide what of a chunk is this lane's, add it to what is done. vectors: of the frames among the chunk, in order.

    Pictures that go to disk are written, and last with the output's next `flush`. Gives the sequences that were picked,
    and what windows chose, which is still to be sent; choosing breathes.
    """
    before = lane.incomplete
    own = iter(vectors)
    rows = [BrokenOff(one.message.offset) if isinstance(one, Poison) else as_taken(one, next(own)) for one in chunk]
    settled = lane.settle(rows, breathe)
    verdicts, picks = iter(zip(settled.verdicts, vectors, strict=True)), _at_once(settled)
    for one in chunk:
        if isinstance(one, Poison):
            dead(parts, done, one.message, one.reason)
        else:
            _emit(parts, done, one, *next(verdicts), picks.get((one.message.offset, one.part), ()))
        if isinstance(one, Poison) or one.last:
            done.messages += 1
            done.nbytes += len(one.message.value or b"")
    done.incomplete += lane.incomplete - before
    return _chosen(lane, settled, done)


def ended(lane: Lane, now: float, done: Done, breathe: Callable[[], None] = silent) -> Chosen:
    """End the open window of a lane, as no record does; see `decided`. now: see `streamsel.lanes.lane.Lane.end`."""
    return _chosen(lane, lane.end(now, breathe), done)


def _chosen(lane: Lane, settled: Settled, done: Done) -> Chosen:
    chosen = [(place, verdict) for place, verdict in settled.picks if _later(verdict)]
    counts = Counter(verdict.window for _, verdict in chosen)
    done.ended += [(lane.partition, window, counts[window.span]) for window in settled.ended]
    done.troubles += [(lane.partition, trouble) for trouble in settled.troubles]
    done.state[lane.partition] = lane.entries()
    done.offsets[lane.partition] = lane.position or 0
    return chosen


def _later(pick: Verdict) -> bool:
    """Whether it is not sent with the frame that is at hand."""
    return bool(pick.window or pick.sequence)


def _at_once(settled: Settled) -> dict[Place, list[Verdict]]:
    """Picks that are sent with their frame: itself, or objects of it."""
    found: dict[Place, list[Verdict]] = {}
    for place, pick in settled.picks:
        if not _later(pick):
            found.setdefault(place, []).append(pick)
    return found


def as_taken(opened: Opened, vector: Vector) -> Taken:
    """A frame as a lane takes it.

    Picks grow old, and windows end, by the times of records: by those of cameras a single wrong clock would make all of
    them old. A time ahead of the clock on the wall is none: it counts as that of a clock that is `AHEAD`. Frames of a
    segment are a stream of their own.
    """
    frame, message = on_the_wall(opened.frame, opened.when), opened.message
    when = min(message.timestamp / 1000, time.time() + AHEAD)
    brought, place = opened.carried.predictions, (message.offset, opened.part, opened.last)
    return Taken(frame, vector, *place, when, alone=opened.content is None, predictions=brought)


def _emit(parts: Parts, done: Done, opened: Opened, verdict: Verdict, vector: Vector, picks: Sequence[Verdict]) -> None:
    done.frames += 1
    done.unusable += bool(verdict.unusable)
    if verdict.unusable and not verdict.again:
        dead(parts, done, opened.message, verdict.unusable)
    for pick in picks:
        done.records += parts.output.pick(opened, pick, vector)
        done.picked.append(opened.message.timestamp)


def dead(parts: Parts, done: Done, message: Message, reason: str) -> None:
    """A dead letter tells of a record."""
    done.records.append(parts.letter(message, reason))
    done.dead += 1
    done.complaint = f"{message.partition}/{message.offset}: {reason}"
