"""What records hold, and where picks go: in a thread, on a real broker."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from kafka import KafkaProducer

from streamsel.errors import SinkError, StateError, UsageError
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_listeners import free_ports
from streamsel.testing.kafka_reading import committed, header
from streamsel.testing.service_process import wait_for
from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from tests.ingest.ingesting import Pipeline, all_read, offsets, pictures, serving

pytestmark = pytest.mark.xdist_group("ingest")


def refers_to(path: str) -> list[tuple[str, bytes]]:
    event = Event(id="a", source="camera", type="picture", subject=path, content_type="image/jpeg", dataref=path)
    return list(event.headers())


def test_what_cannot_be_used_is_told_of_and_passed_over(broker: Served, topic_name: str, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    pipeline = Pipeline(broker, topic_name, tmp_path, reading=", references: pictures")
    good = pictures(40)
    (tmp_path / "pictures" / "here.jpg").write_bytes(pictures(1, seed=9)[0])
    pipeline.send(good[:20])
    pipeline.send([b"no picture", b"", good[0][:200], bytes(20_000_000)])  # one for each partition
    pipeline.send([b""], refers_to("missing.jpg"))
    pipeline.send([b""], refers_to("../../etc/passwd"))
    pipeline.send([b""], refers_to("here.jpg"))
    pipeline.send([good[0]], [("ce_specversion", b"1.0"), ("ce_id", b"\xff\xfe")])
    pipeline.send(good[20:])
    with serving(pipeline):
        wait_for(lambda: all_read(pipeline))
    letters = pipeline.letters()
    assert set(letters) == {(0, 5), (1, 5), (2, 5), (3, 5), (0, 6), (1, 6), (3, 6)}
    for place, told in {(1, 5): "empty", (3, 5): "20000000 bytes", (0, 6): "no such file", (1, 6): "below"}.items():
        assert told in letters[place]
    found = pipeline.found()
    assert "here.jpg" in found
    assert {name for name in found if name != "here.jpg"} <= {
        f"{topic_name}-{p}-{o}.jpg" for p in range(4) for o in range(20)
    }
    assert all(len(record.value) < 1000 for record in committed(broker.servers, pipeline.dead))


def test_what_grows_when_it_is_unpacked_is_told_of_and_passed_over(
    broker: Served, topic_name: str, tmp_path: Path
) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path)
    pipeline.send(pictures(8))
    producer = KafkaProducer(
        bootstrap_servers=list(broker.servers), compression_type="gzip", max_request_size=1 << 27, batch_size=1 << 27
    )
    producer.send(topic_name, bytes(60_000_000), key=b"camera-0", partition=0).get(timeout=30)
    producer.close()
    pipeline.sent[0].append(Message(0, 2, None, b""))
    pipeline.send(pictures(3, seed=1))
    with serving(pipeline):
        wait_for(lambda: offsets(pipeline) == {place: len(sent) for place, sent in pipeline.sent.items()})
    (letter,) = pipeline.letters().items()
    assert letter == ((0, 2), "its batch has more than 4000000 bytes when unpacked; compress no pictures")


def test_a_pick_is_the_picture_that_came(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path)
    pipeline.send(pictures(8, scene=1))
    with serving(pipeline):
        wait_for(lambda: all_read(pipeline))
    sent = {f"{topic_name}-{one.partition}-{one.offset}.jpg": one for some in pipeline.sent.values() for one in some}
    records = committed(broker.servers, pipeline.picks)
    assert len(records) > 4
    for record in records:
        message = sent[header(record, "ce_subject")]
        assert (record.value, record.key) == (message.value, message.key)
        assert header(record, "content-type") == "image/jpeg"


def test_picks_in_a_folder(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path, output="{folder: picks}")
    pipeline.send(pictures(60))
    with serving(pipeline):
        wait_for(lambda: all_read(pipeline))
    told = [json.loads(file.read_text()) for file in (tmp_path / "picks").rglob("*.json")]
    assert {one["name"] for one in told} == pipeline.expected()
    assert all((tmp_path / "picks" / one["file"]).stat().st_size for one in told)


def test_the_page_tells_what_was_done(broker: Served, topic_name: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    pipeline = Pipeline(broker, topic_name, tmp_path, more=f"metrics: 127.0.0.1:{port}")
    pipeline.send([*pictures(40), b"poison"])
    with serving(pipeline):
        wait_for(lambda: all_read(pipeline))
        wait_for(lambda: values(port).get('streamsel_lag_records{partition="3"}') == 0)
        page = values(port)
        with urlopen(f"http://127.0.0.1:{port}/healthz") as healthy:
            assert healthy.read() == b"ok\n"
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"http://127.0.0.1:{port}/")
    assert page["streamsel_records_total"] == 41
    assert page["streamsel_dead_letters_total"] == 1
    assert page["streamsel_picks_total"] == page["streamsel_record_to_pick_seconds_count"] == len(pipeline.expected())
    assert page["streamsel_rebalances_total"] == 1
    assert page["streamsel_transaction_seconds_count"] > 0


def values(port: int) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        lines = [line for line in page.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_without_the_topic_it_is_one_line(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path)
    pipeline.name = f"{topic_name}.missing"
    with pytest.raises(SinkError, match="no such topic"), serving(pipeline):
        pass


def test_state_of_another_selection_is_refused(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path)
    pipeline.send(pictures(8))
    with serving(pipeline):
        wait_for(lambda: all_read(pipeline))
    pipeline.distance = 0.5
    before = pipeline.found()
    pipeline.send(pictures(8, seed=1))
    with pytest.raises(StateError, match="is of another selection"), serving(pipeline) as running:
        running.exception(60)
    assert pipeline.found() == before


def test_topics_that_would_lose_something_are_refused(broker: Served, topic_name: str, tmp_path: Path) -> None:
    broker.create(f"{topic_name}.small", 4, max_message_bytes=100_000)
    broker.create(f"{topic_name}.narrow", 1, cleanup_policy="compact")
    broker.create(f"{topic_name}.short", 4)
    pipeline = Pipeline(broker, topic_name, tmp_path, output=f"{{topic: {topic_name}.small}}")
    with pytest.raises(UsageError, match=r"set output\.inline_limit to 68000 or less"), serving(pipeline):
        pass
    pipeline.more = f"state: {{topic: {topic_name}.narrow}}"
    with pytest.raises(StateError, match=rf"has 1 partitions, and {topic_name} 4: add some"), serving(pipeline):
        pass
    pipeline.more = f"state: {{topic: {topic_name}.short}}"
    with pytest.raises(StateError, match="is not compacted"), serving(pipeline):
        pass
