"""What windows of time chose, and sequences, are sent: records are read again, opened again, emitted, some at a time.

Pictures of candidates, and of earlier frames of a sequence, are kept nowhere: the topic that they came from has them,
and objects are cut out of these again. A picture whose record, or whose file, is gone meanwhile cannot be sent; a dead
letter tells of it, and others are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby, takewhile
from typing import Final

import numpy as np

from streamsel.ingest.owed import Owed
from streamsel.ingest.parts import Parts
from streamsel.ingest.pictures import Opened, Poison
from streamsel.ingest.portion import Portion
from streamsel.ingest.work import Chosen, Done, chunks, dead
from streamsel.lanes.breath import Breath
from streamsel.lanes.deciding import Key, Verdict
from streamsel.lanes.lane import Lane
from streamsel.signals.crops import refusal
from streamsel.topic import Message

__all__ = ["Debts"]

Again = Callable[[int, int], Message | None]
"""Partition, offset -> the record, None where it is gone."""

PICKED: Final = "was picked when its window ended, but"
OF_SEQUENCE: Final = "was picked with its sequence, but"
GONE: Final = "the topic does not have it any more: raise its retention.ms"
FEWER: Final = "it has fewer frames now"
SMALLER: Final = "its file is another picture now, in which the object has no place"
NO_VECTOR: Final = np.empty(0, np.float32)
"""What is sent of a pick has no vector in it."""


class Debts:
    """Of each partition what it owes. again: reads a record a second time."""

    def __init__(self, parts: Parts, again: Again) -> None:
        self._parts, self._again = parts, again
        self._owed: dict[int, Owed] = {}

    def restore(self, partition: int, entries: Mapping[bytes, bytes]) -> None:
        """A partition came, with this state."""
        self._owed[partition] = Owed.restored(entries)

    def drop(self, partition: int) -> None:
        """A partition went."""
        self._owed.pop(partition, None)

    def add(self, partition: int, chosen: Chosen, done: Done) -> None:
        """What windows chose, and sequences, are owed, says the transaction that decides it."""
        owed = self._owed[partition]
        owed.add(chosen)
        done.state[partition] = {**done.state[partition], **owed.entries()}

    def portions(self, lane: Lane, portion: Portion, breath: Breath) -> Generator[Done, None, None]:
        """What a partition owes, in order, cut as what is read is: commit each before the next is asked for."""
        owed = self._owed[lane.partition]
        picks = owed.picks()
        with closing(self._opened(lane.partition, list(picks), breath)) as opened:
            for chunk in chunks(opened, portion.records, portion.size, breath):
                done = Done()
                for key in [key for one in chunk for key in self._settled(one, picks, done)]:
                    owed.settle(key)
                done.state[lane.partition] = owed.entries()
                done.offsets[lane.partition] = lane.position or 0
                self._parts.output.flush()
                yield done

    def _settled(self, one: Opened | Poison, picks: dict[Key, Verdict], done: Done) -> list[Key]:
        """Which of the picks are sent or told of now; they are taken out."""
        if isinstance(one, Opened):
            own = list(takewhile(lambda key: key[:2] == (one.message.offset, one.part), picks))
            for verdict in map(picks.pop, own):
                self._send(one, verdict, done)
            return own
        lost = [key for key in picks if key[0] == one.message.offset]
        picked = PICKED if any(picks[key].window for key in lost) else OF_SEQUENCE
        for key in lost:
            del picks[key]
        done.lost += len(lost)
        dead(self._parts, done, one.message, f"{picked} {one.reason}")
        return lost

    def _send(self, one: Opened, verdict: Verdict, done: Done) -> None:
        picture = one.frame.picture
        if verdict.box and refusal(verdict.box, picture.width, picture.height):
            done.lost += 1
            dead(self._parts, done, one.message, f"{PICKED} {SMALLER}")
            return
        done.records += self._parts.output.pick(one, verdict, NO_VECTOR)
        done.picked.append(_since(verdict))

    def _opened(self, partition: int, keys: Sequence[Key], breath: Breath) -> Generator[Opened | Poison, None, None]:
        """The frames of these picks, which are in order; of a record that lacks one, a Poison behind those it has."""
        for offset, own in groupby(keys, key=_offset):
            message = self._again(partition, offset)
            if message is None:
                yield Poison(Message(partition, offset, None, None), GONE)
            else:
                yield from self._frames(message, [*dict.fromkeys(key[1] for key in own)], breath)

    def _frames(self, message: Message, wanted: list[int], breath: Breath) -> Iterator[Opened | Poison]:
        """Those of a record that have these numbers; a segment of video is decoded up to the last of them."""
        with closing(self._parts.pictures.opened([message])) as opened:
            for one in opened:
                breath()
                if isinstance(one, Poison):
                    yield one
                    return
                if one.part == wanted[0]:
                    yield one
                    wanted = wanted[1:]
                if not wanted:
                    return
        yield Poison(message, FEWER)


def _since(verdict: Verdict) -> int:
    """When it could be sent, milliseconds since 1970: at the end of its window, or with its sequence's last frame."""
    seconds = verdict.window.end if verdict.window else verdict.sequence.when if verdict.sequence else 0.0
    return round(seconds * 1000)


def _offset(key: Key) -> int:
    return key[0]
