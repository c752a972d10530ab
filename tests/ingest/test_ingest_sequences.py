"""Sequences beside a broker that is made up: killed at each step, all pictures of each are sent once and in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from streamsel.config import read_selection
from streamsel.ingest.loop import ingest
from streamsel.ingest.owed import OWED
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.making import Lanes
from streamsel.testing.ingest_trial import sequences_of
from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from streamsel.topic.references import References
from tests.ingest.made_broker import NOON, Broker, as_rows, parts, run, topic
from tests.lanes.made_lanes import Flat

LENGTH = 3
LANES = Lanes(read_selection(sequences_of(LENGTH)), Flat(), target_ratio=0.5)
WINDOWED = Lanes(read_selection(sequences_of(LENGTH)), Flat(), window=WindowGoal(6, 20.0))
MADE = pytest.mark.parametrize("lanes", [LANES, WINDOWED], ids=["at once", "by window"])


def two_devices(each: int = 40) -> dict[int, list[Message]]:
    """Two devices in each partition, now one and now the other, under one key."""
    return {
        partition: [
            replace(one, headers=Event(id=f"{partition}/{one.offset}", source=source(one.offset), type="x").headers())
            for one in messages
        ]
        for partition, messages in topic(each=each).items()
    }


def source(offset: int) -> str:
    return f"device-{offset * 5 % 7 % 2}"


def told(broker: Broker, name: str = "picks") -> list[Event]:
    return [event for topic, record in broker.sent if topic == name and (event := Event.from_headers(record.headers))]


def by_partition(broker: Broker) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = {}
    for event in told(broker):
        found.setdefault(int(event.subject.split("-")[1]), []).append(event)
    return found


def expected(lanes: Lanes, messages: Sequence[Message]) -> list[str]:
    """Names of what one lane picks that takes all at once, each sequence where its last picture lies."""
    lane = lanes.lane(messages[0].partition)
    picks = sorted(lane.settle(as_rows(messages)).picks)
    return [f"topic-{lane.partition}-{offset}.jpg" for _, pick in picks for offset, _ in pick.sequence.places]


@MADE
def test_all_pictures_of_each_sequence_come_in_order(lanes: Lanes) -> None:
    broker = run(Broker(two_devices()), lanes=lanes)
    for partition, events in by_partition(broker).items():
        assert [event.subject for event in events] == expected(lanes, broker.topic[partition])
        sequences = [list(own) for _, own in groupby(events, key=lambda event: event.extensions["ordinal"])]
        assert len(sequences) >= 2
        for own in sequences:
            assert [event.extensions["sequenceplace"] for event in own] == ["0", "1", "2"]
            assert len({(event.source, event.extensions["sequencenumber"]) for event in own}) == 1
            assert all(event.source == source(int(event.extensions["index"])) for event in own)
            assert len({event.id for event in own}) == LENGTH
        for device in ("device-0", "device-1"):
            numbers = [int(own[0].extensions["sequencenumber"]) for own in sequences if own[0].source == device]
            assert len({*numbers}) == len(numbers)
            assert max(numbers, default=0) < 24 // LENGTH


@MADE
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_commit_every_picture_is_sent_once(lanes: Lanes, when: str) -> None:
    whole = run(Broker(two_devices(), read=16), lanes=lanes, records=9)
    steps = len(whole.commits)
    assert steps >= 12
    for step in range(1, steps + 1, 3):
        again = run(Broker(two_devices(), read=16, dies=(step, when)), lanes=lanes, records=9)
        assert by_partition(again) == by_partition(whole)
        assert again.state == whole.state


@MADE
def test_any_size_of_a_transaction_sends_the_same(lanes: Lanes) -> None:
    whole = run(Broker(two_devices()), lanes=lanes)
    for records in (1, 2, 7):
        other = run(Broker(two_devices(), read=5), lanes=lanes, records=records)
        assert by_partition(other) == by_partition(whole)
        assert other.state == whole.state
        assert any(key.startswith(OWED) for done in other.commits for state in done.state.values() for key in state)


def test_of_a_picture_that_is_gone_a_letter_tells_and_the_others_are_sent() -> None:
    whole = run(Broker(two_devices()), lanes=LANES)
    first = [event for event in told(whole) if event.extensions["ordinal"] == "0"][1]
    _, partition, offset = first.subject.removesuffix(".jpg").split("-")
    broker = Broker(two_devices(), gone={(int(partition), int(offset))})
    with parts(broker, lanes=LANES) as made:
        ingest(made, broker.stopping)
        assert made.metrics.count("lost") == 1
        assert made.metrics.count("picks") == len(told(whole)) - 1
    assert [event.id for event in told(broker)] == [event.id for event in told(whole) if event != first]
    (letter,) = told(broker, "dead")
    assert letter.extensions["originoffset"] == offset
    assert letter.extensions["reason"] == (
        "was picked with its sequence, but the topic does not have it any more: raise its retention.ms"
    )


def test_a_record_that_is_no_picture_is_passed_over() -> None:
    topic = two_devices()
    topic[0][5] = replace(topic[0][5], value=b"nothing")
    broker = run(Broker(topic), lanes=LANES)
    assert [event.subject for event in by_partition(broker)[0]] == expected(LANES, topic[0])
    assert len(told(broker, "dead")) == 1


def segments(folder: Path, clip: Path, **more: Any) -> dict[int, list[Message]]:
    """Three segments of one camera; each has its own file."""
    made = []
    for offset in range(3):
        copyfile(clip, folder / f"{offset}.mp4")
        event = Event(id=str(offset), source="cam", type="segment", subject=f"{offset}.mp4", dataref=f"{offset}.mp4")
        made.append(Message(0, offset, b"cam", None, event.headers(), (NOON + 5 * offset) * 1000))
    return {0: made}


def test_no_sequence_goes_over_the_end_of_a_segment(tmp_path: Path, clip: Path) -> None:
    """120 frames of each are 17 sequences of 7, and one is left."""
    lanes = Lanes(read_selection(sequences_of(7)), Flat(), target_ratio=0.5)
    references = References(tmp_path, largest=1000, patience=0)
    broker = Broker(segments(tmp_path, clip))
    with parts(broker, lanes=lanes, references=references, records=10) as made:
        ingest(made, broker.stopping)
        assert made.metrics.count("incomplete") == 3
    sequences = [list(own) for _, own in groupby(told(broker), key=lambda event: event.extensions["ordinal"])]
    assert len(sequences) >= 5
    for own in sequences:
        indices = [int(event.extensions["index"]) for event in own]
        assert indices == list(range(indices[0], indices[0] + 7))
        assert indices[0] == 7 * int(own[0].extensions["sequencenumber"])
        assert len({event.subject.split("-")[0] for event in own}) == 1
    other = run(Broker(segments(tmp_path, clip)), lanes=lanes, references=references, records=3)
    assert told(other) == told(broker)
    assert other.state == broker.state
