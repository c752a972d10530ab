"""What becomes of a chunk of frames, without a broker."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

from streamsel.ingest.emitting import dead_letter
from streamsel.ingest.pictures import Opened, Poison
from streamsel.ingest.work import Done, decided
from streamsel.topic import Message
from streamsel.topic.incoming import Incoming
from tests.lanes.made_lanes import lanes, rows

PARTS: Any = SimpleNamespace(
    letter=partial(dead_letter, "dead", "frames"), output=SimpleNamespace(pick=lambda *of: [("picks", of)])
)


def test_frames_of_a_segment_that_cannot_be_used_are_counted_and_told_of_once() -> None:
    message, carried = Message(0, 0, b"cam", b"x"), Incoming("frames").carried(Message(0, 0, b"cam", b"x"))
    taken, lane, done = rows(40, parts=40), lanes("weights").lane(0), Done()
    made = [Opened(message, carried, row.frame, row.frame.picture.rgb(), None, row.part, row.last) for row in taken]
    for start in (0, 15, 30):
        own = slice(start, start + 15)
        decided(PARTS, lane, made[own], [row.vector for row in taken[own]], done)
    letters = [record for topic, record in done.records if topic == "dead"]
    assert [done.unusable, done.dead, len(letters), done.messages, done.frames] == [3, 1, 1, 1, 40]
    decided(PARTS, lane, [Poison(Message(0, 3, b"", None), "is empty")], [], done)
    assert (done.dead, done.unusable, lane.position) == (2, 3, 4)
