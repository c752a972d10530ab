"""Objects beside a broker that is made up: killed at each step, each crop that is picked is sent once, with its box."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsel.config import read_selection
from streamsel.data import Box, Source
from streamsel.decode.open import open_decoder
from streamsel.decode.picture import StillPicture
from streamsel.decode.stills import open_still
from streamsel.ingest.emitting import FolderOutput, TopicOutput
from streamsel.ingest.loop import ingest
from streamsel.ingest.owed import OWED
from streamsel.ingest.pictures import Opened, Pictures
from streamsel.ingest.work import as_taken
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.making import Lanes
from streamsel.signals.crops import crop
from streamsel.sink.picture_file import encode
from streamsel.testing.ingest_trial import objects_of
from streamsel.topic import Finished, Message, Record
from streamsel.topic.cloudevent import Event
from streamsel.topic.incoming import Incoming
from streamsel.topic.references import References
from tests.ingest.made_broker import NOON, Broker, parts, run, segments, topic
from tests.lanes.made_lanes import Flat

PADDING = 0.25
TILES = read_selection(objects_of("tiles", PADDING))
LANES = Lanes(TILES, Flat(), target_ratio=0.3)
WINDOWED = Lanes(TILES, Flat(), window=WindowGoal(9, 20.0))
MADE = pytest.mark.parametrize("lanes", [LANES, WINDOWED], ids=["at once", "by window"])


def output() -> TopicOutput:
    return TopicOutput("picks", origin="topic", model="flat", padding=PADDING)


def sent(broker: Broker, name: str = "picks") -> list[tuple[Event, Record]]:
    records = [record for topic, record in broker.sent if topic == name]
    return [(event, record) for record in records if (event := Event.from_headers(record.headers))]


def by_partition(broker: Broker) -> dict[int, list[tuple[Event, bytes | None]]]:
    found: dict[int, list[tuple[Event, bytes | None]]] = {}
    for event, record in sent(broker):
        found.setdefault(int(event.subject.split("-")[1]), []).append((event, record.value))
    return found


def expected(lanes: Lanes, messages: Sequence[Message]) -> list[str]:
    """Names of what one lane picks that takes all at once."""
    lane = lanes.lane(messages[0].partition)
    with Pictures(Incoming("topic"), Flat.size, whole=True) as opening:
        vector = Flat().embed(next(opening.opened(messages[:1])).picture[None])[0][:0]
        rows = [as_taken(one, vector) for one in opening.opened(messages) if isinstance(one, Opened)]
    picks = [(*place, pick.box.index) for place, pick in lane.settle(rows).picks if pick.box]
    return [f"topic-{lane.partition}-{offset}.jpg-{number}" for offset, _, number in sorted(picks)]


def box_of(event: Event) -> Box:
    return Box(*json.loads(event.extensions["box"]))


@MADE
def test_each_is_cut_out_of_its_picture(lanes: Lanes) -> None:
    broker = run(Broker(topic(each=40)), lanes=lanes, output=output())
    several = 0
    for partition, picks in by_partition(broker).items():
        messages = broker.topic[partition]
        assert [event.subject for event, _ in picks] == expected(lanes, messages)
        for event, value in picks:
            message = messages[int(event.extensions["index"])]
            still = open_still(message.value or b"")
            assert not isinstance(still, str)
            assert value == encode(crop(StillPicture(still.pixels), box_of(event), PADDING), "jpg")
            assert event.content_type == "image/jpeg"
            assert "label" not in event.extensions
        several += len(picks) - len({event.extensions["index"] for event, _ in picks})
        assert len({event.id for event, _ in picks}) == len(picks) > 5
        assert sorted(int(event.extensions["ordinal"]) for event, _ in picks) == list(range(len(picks)))
    assert several > 3


@MADE
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_commit_every_object_is_sent_once(lanes: Lanes, when: str) -> None:
    whole = run(Broker(topic(each=40), read=16), lanes=lanes, records=9, output=output())
    steps = len(whole.commits)
    assert steps >= 10
    for step in range(1, steps + 1, 2):
        again = run(Broker(topic(each=40), read=16, dies=(step, when)), lanes=lanes, records=9, output=output())
        assert by_partition(again) == by_partition(whole)
        assert again.state == whole.state


@MADE
def test_any_size_of_a_transaction_sends_the_same(lanes: Lanes) -> None:
    whole = run(Broker(topic(each=40)), lanes=lanes, output=output())
    for records in (1, 2, 7):
        other = run(Broker(topic(each=40), read=5), lanes=lanes, records=records, output=output())
        assert by_partition(other) == by_partition(whole)
        assert other.state == whole.state


def test_of_a_picture_that_is_gone_one_letter_tells_and_the_others_are_sent() -> None:
    whole = run(Broker(topic(1, 44)), lanes=WINDOWED, output=output())
    offsets = [int(event.extensions["index"]) for event, _ in sent(whole)]
    lost = next(one for one in offsets if offsets.count(one) > 1)
    broker = Broker(topic(1, 44), gone={(0, lost)})
    with parts(broker, lanes=WINDOWED, output=output()) as made:
        ingest(made, broker.stopping)
        assert made.metrics.count("lost") == offsets.count(lost)
        assert made.metrics.count("picks") == len(offsets) - offsets.count(lost)
    told = [event for event, _ in sent(broker)]
    assert told == [event for event, _ in sent(whole) if int(event.extensions["index"]) != lost]
    assert [event.extensions["originoffset"] for event, _ in sent(broker, "dead")] == [str(lost)]


@MADE
def test_of_frames_of_segments(lanes: Lanes, tmp_path: Path, clip: Path) -> None:
    references = References(tmp_path, largest=1000, patience=0)
    broker = run(Broker(segments(tmp_path, clip)), references=references, lanes=lanes, output=output())
    with open_decoder(Source("clip", str(clip))) as decoder:
        frames = {frame.mark.index: frame.picture for frame in decoder.read()}
    assert len(sent(broker)) > 5
    for event, record in sent(broker):
        name, _, number = event.subject.rpartition("-")
        index = int(event.extensions["index"])
        assert name == f"{name[0]}-{index}-mp4.png"
        assert record.value == encode(crop(frames[index], box_of(event), PADDING), "jpg")
        assert int(number) in range(4)
    small = run(Broker(segments(tmp_path, clip)), references=references, lanes=lanes, output=output(), records=1)
    assert sent(small) == sent(broker)
    assert small.state == broker.state


@MADE
def test_a_folder_has_the_crops_and_what_they_are(lanes: Lanes, tmp_path: Path) -> None:
    folder = FolderOutput(tmp_path, origin="topic", model="flat", padding=PADDING)
    run(Broker(topic(1, 44)), lanes=lanes, output=folder)
    whole = run(Broker(topic(1, 44)), lanes=lanes, output=output())
    facts = {told["id"]: told for file in tmp_path.rglob("*.json") for told in [json.loads(file.read_text())]}
    assert {event.id for event, _ in sent(whole)} == {*facts}
    for event, record in sent(whole):
        told = facts[event.id]
        place = int(event.subject.rpartition("-")[2])
        offset = int(event.extensions["index"])
        assert told["file"] == f"0/{offset}_topic-0-{offset}-{place}.jpg"
        assert (tmp_path / told["file"]).read_bytes() == record.value
        assert (told["name"], told["parent"]) == (event.subject, f"topic-0-{offset}.jpg")
        assert (told["object"], told["box"], told["padding"]) == (place, json.loads(event.extensions["box"]), PADDING)
        assert (told["task"], told["label"], told["score"]) == ("tiles", "", 1.0)
    assert len([*tmp_path.rglob("*.jpg")]) == len(facts)


def predicted(folder: Path, number: int, found: Sequence[Mapping[str, Any]]) -> None:
    task = folder / ".lightly" / "predictions" / "cars"
    task.mkdir(parents=True, exist_ok=True)
    (task.parent / "tasks.json").write_text('["cars"]')
    schema = {"task_type": "object-detection", "categories": [{"id": 0, "name": "car"}]}
    (task / "schema.json").write_text(json.dumps(schema))
    (task / f"topic-0-{number}.json").write_text(json.dumps({"file_name": "", "predictions": found}))


def test_a_picture_without_objects_is_no_dead_letter_and_one_whose_file_is_damaged_is(tmp_path: Path) -> None:
    for number in range(0, 20, 2):
        predicted(tmp_path, number, [] if number == 4 else [{"category_id": 0, "bbox": [2, 3, 9, 9], "score": 0.5}])
    (tmp_path / ".lightly/predictions/cars/topic-0-6.json").write_text("{")
    lanes = Lanes(read_selection(objects_of("cars", 0.0)), Flat(), min_distance=0.001, lightly=tmp_path)
    broker = Broker({0: [replace(one, timestamp=NOON * 1000) for one in topic(1, 20)[0]]})
    with parts(broker, lanes=lanes) as made:
        ingest(made, broker.stopping)
        assert made.metrics.count("frames") == 20
    assert [event.extensions["originoffset"] for event, _ in sent(broker, "dead")] == ["6"]
    assert {event.extensions["label"] for event, _ in sent(broker)} == {"car"}
    assert {int(event.extensions["index"]) for event, _ in sent(broker)} <= {*range(0, 20, 2)} - {4, 6}
    assert len(sent(broker)) > 2


CAR = {"category_id": 0, "bbox": [2, 3, 9, 9], "score": 0.5}


@pytest.mark.parametrize("goal", [{"min_distance": 0.001}, {"window": WindowGoal(9, 20.0)}], ids=" ".join)
def test_objects_that_come_with_their_pictures_are_those_of_files(tmp_path: Path, goal: dict[str, Any]) -> None:
    found = [[{**CAR, "bbox": [number % 5, place, 9, 9]} for place in range(number % 3)] for number in range(20)]
    headers = [(("predictions", json.dumps({"cars": one}).encode()),) for one in found]
    for number, one in enumerate(found):
        predicted(tmp_path / "files", number, one)
    predicted(tmp_path / "schema", 0, [CAR])
    made = topic(1, 20)[0]
    made[7:9] = [replace(one, value=b"no picture") for one in made[7:9]]
    carrying = [replace(one, headers=own) for one, own in zip(made, headers, strict=True)]
    carrying[7] = replace(made[7], value=made[0].value, headers=(("predictions", b'{"cars": {}}'),))
    carrying[8] = replace(made[8], value=made[0].value, headers=(("predictions", b'{"cars": [{"category_id": 0}]}'),))
    runs = []
    for name, messages in (("files", made), ("schema", carrying)):
        lanes = Lanes(read_selection(objects_of("cars", 0.0)), Flat(), lightly=tmp_path / name, **goal)
        runs.append(run(Broker({0: messages}), lanes=lanes))
    wanted, came = ([(event.subject, record.value) for event, record in sent(one)] for one in runs)
    assert came == wanted
    assert len(wanted) > 3
    reasons = [event.extensions["reason"] for event, _ in sent(runs[1], "dead")]
    assert reasons[0] == "header predictions must be a JSON object, task -> list (holds a dict)"
    assert reasons[1].startswith("header predictions, task 'cars': predictions[0].score: expected ")


def test_what_is_owed_of_a_file_that_is_a_smaller_picture_now_is_told_and_holds_nothing_up(tmp_path: Path) -> None:
    """Overwritten between the end of its window and the sending."""
    messages = []
    for message in topic(1, 30)[0]:
        (tmp_path / f"{message.offset}.jpg").write_bytes(message.value or b"")
        name = f"{message.offset}.jpg"
        headers = Event(id=name, source="cam", type="image", subject=name, dataref=name).headers()
        messages.append(replace(message, value=None, headers=headers))

    class Overwriting(Broker):
        def commit(self, finished: Finished) -> None:
            if any(key.startswith(OWED) for state in finished.state.values() for key in state):
                for file in tmp_path.glob("*.jpg"):
                    file.write_bytes(encode(np.zeros((2, 2, 3), np.uint8), "jpg"))
            super().commit(finished)

    broker, references = Overwriting({0: messages}), References(tmp_path, largest=10**6, patience=0)
    with parts(broker, lanes=WINDOWED, output=output(), references=references) as made:
        ingest(made, broker.stopping)
        lost = made.metrics.count("lost")
    reasons = [event.extensions["reason"] for event, _ in sent(broker, "dead")]
    assert lost == len(reasons) > 0
    assert {reason for reason in reasons if "another picture now" not in reason} == set()
    assert not [key for key in broker.state[0] if key.startswith(OWED)]
