"""The edge daemon with MQTT and Kafka at once, on real brokers: what is picked arrives, whatever comes in between."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamsel.errors import StreamselError
from streamsel.testing.edge_telling import status
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_reading import committed, header
from streamsel.testing.mosquitto import Heard, Mosquitto
from streamsel.testing.service_process import Running, wait_for
from tests.edge.daemon import Daemon, segment

pytestmark = pytest.mark.xdist_group("brokers")

FRAMES = 4 * 12
SOURCES = [{"name": "yard", "folder": "yard"}, {"name": "door", "folder": "door", "min_distance": 0.5}]
NOBODY = "127.0.0.1:1"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of one's own, which may be stopped."""
    try:
        with Broker(tmp_path_factory.mktemp("kafka")) as broker:
            yield broker
    except StreamselError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    try:
        with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
            yield broker
    except StreamselError as error:
        pytest.fail(str(error), pytrace=False)


class Delivering:
    """A daemon whose picks go to both brokers."""

    def __init__(self, folder: Path, kafka: Broker, mosquitto: Mosquitto, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        self.addresses = {
            "mqtt": {"server": mosquitto.server, "topic": "cameras/{source}"},
            "kafka": {"servers": list(kafka.servers), "topic": topic},
        }
        self.daemon = Daemon(folder, SOURCES, metrics="127.0.0.1:0", **self.addresses)

    def record(self, numbers: range) -> None:
        """Segments of both sources."""
        for number in numbers:
            for source in ("yard", "door"):
                shown = [number, number + 1, 2 * number + 3, 1 if source == "yard" else 2]
                segment(self.daemon.folder / source, f"{number}.mp4", scenes=shown)

    def picked(self, source: str) -> list[str]:
        """Ids of what lies on disk, in the order picked."""
        return [fact["id"] for fact in self.daemon.facts() if fact["source"] == source]

    def by_kafka(self, source: str) -> list[Any]:
        found = committed(self._kafka.servers, self._topic)
        return [record for record in found if record.key == source.encode()]

    def check_all_arrived(self, heard: Heard) -> None:
        """Each once and in order by Kafka, and at least once by MQTT, each for the first time in order."""
        for source in ("yard", "door"):
            picked = self.picked(source)
            assert len(picked) >= 4
            records = self.by_kafka(source)
            assert [header(record, "ce_id") for record in records] == picked
            pictures = [(self.daemon.folder / "picks" / file).read_bytes() for file in self._files(source)]
            assert [record.value for record in records] == pictures
            events = [json.loads(payload) for topic, payload in heard.messages if topic == f"cameras/{source}"]
            assert list(dict.fromkeys(event["id"] for event in events)) == picked
            assert list(dict.fromkeys(event["file"] for event in events)) == self._files(source)

    def _files(self, source: str) -> list[str]:
        return [fact["file"] for fact in self.daemon.facts() if fact["source"] == source]


def outboxes(running: Running) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in status(running)["outboxes"]}


def settled(running: Running, picks: int) -> dict[str, dict[str, Any]] | None:
    """How the outboxes stand, once each has let go of so many picks."""
    told = outboxes(running)
    gone = [one["delivered"] + one["dropped"] for one in told.values()]
    return told if gone == [picks, picks] else None


def read(running: Running, segments: int) -> None:
    running.wait(lambda: len(running.events("read")) >= segments)


@pytest.fixture
def delivering(tmp_path: Path, kafka: Broker, mosquitto: Mosquitto, topic_name: str) -> Delivering:
    kafka.create(topic_name, 3)
    return Delivering(tmp_path, kafka, mosquitto, topic_name)


def test_each_pick_arrives_also_over_kills(delivering: Delivering, mosquitto: Mosquitto) -> None:
    with mosquitto.listening() as heard:
        for number in range(3):
            delivering.record(range(number, number + 1))
            with delivering.daemon.started() as running:
                wanted = len(heard.messages) + 1
                running.wait(lambda wanted=wanted: len(heard.messages) >= wanted)
                time.sleep(0.2 * number)
                running.kill()
        delivering.record(range(3, 4))
        with delivering.daemon.started() as running:
            running.wait(lambda: {"yard", "door"} <= {one["source"] for one in ended(running, "3.mp4")})
            told = running.wait(lambda: settled(running, len(delivering.daemon.facts())))
            assert (told["mqtt"]["dropped"], told["kafka"]["dropped"]) == (0, 0)
            assert running.stop() == 0
        delivering.check_all_arrived(heard)


def ended(running: Running, segment: str) -> list[dict[str, Any]]:
    """What is told of a segment that was read."""
    return [one for one in running.events("read") if one["segment"] == segment]


def test_brokers_that_come_later_get_all_of_it(delivering: Delivering, kafka: Broker, mosquitto: Mosquitto) -> None:
    delivering.record(range(3))
    with mosquitto.listening() as heard:
        mosquitto.stop()
        kafka.kill()
        with delivering.daemon.started() as running:
            read(running, 6)
            waiting = running.wait(lambda: all_waiting(running, delivering))
            assert {name: (one["delivered"], one["dropped"]) for name, one in waiting.items()} == {
                "mqtt": (0, 0),
                "kafka": (0, 0),
            }
            running.wait(lambda: all(one["trouble"] for one in outboxes(running).values()))
            mosquitto.start()
            kafka.start()
            told = running.wait(lambda: settled(running, len(delivering.daemon.facts())))
            assert {(one["dropped"], one["trouble"]) for one in told.values()} == {(0, "")}
            assert running.stop() == 0
        delivering.check_all_arrived(heard)


def all_waiting(running: Running, delivering: Delivering) -> dict[str, dict[str, Any]] | None:
    """How the outboxes stand, once each has all picks."""
    picks = len(delivering.daemon.facts())
    told = outboxes(running)
    return told if all(one["waiting"] == picks for one in told.values()) else None


def test_what_an_outbox_has_no_room_for_is_counted(delivering: Delivering, mosquitto: Mosquitto) -> None:
    """While both are away, Kafka's outbox fills up with pictures, and the oldest of them go."""
    daemon = delivering.daemon
    away = {"mqtt": {"server": NOBODY, "topic": "cameras/{source}"}}
    away["kafka"] = {**delivering.addresses["kafka"], "servers": [NOBODY]}
    config = {**daemon.config, "min_distance": 0.005, "outbox": {"cap": 1_000_000, "policy": "oldest"}}
    daemon.write({**config, **away})
    for number in range(3):
        segment(daemon.folder / "yard", f"{number}.mp4", scenes=[4 * number + one for one in range(4)])
    with daemon.started() as running:
        read(running, 3)
        picked = delivering.picked("yard")
        told = running.wait(lambda: full(running, len(picked)))
        assert running.stop() == 0
    left, dropped = told["kafka"]["waiting"], told["kafka"]["dropped"]
    assert min(left, dropped) >= 10
    assert told["kafka"]["bytes"] <= 1_000_000
    assert (told["mqtt"]["waiting"], told["mqtt"]["dropped"]) == (len(picked), 0)
    daemon.write({**config, **delivering.addresses})
    with mosquitto.listening() as heard, daemon.started() as running:
        running.wait(lambda: running.events("started"))
        told = running.wait(lambda: settled(running, len(picked)))
        assert (told["kafka"]["dropped"], told["kafka"]["delivered"]) == (dropped, left)
        assert running.stop() == 0
        wait_for(lambda: len(heard.messages) >= len(picked), 20)
    assert [header(record, "ce_id") for record in delivering.by_kafka("yard")] == picked[-left:]
    assert [json.loads(payload)["id"] for payload in heard.payloads] == picked


def full(running: Running, picks: int) -> dict[str, dict[str, Any]] | None:
    """How the outboxes stand, once all picks are counted."""
    told = outboxes(running)
    counted = [one["waiting"] + one["dropped"] for one in told.values()]
    return told if counted == [picks, picks] else None
