"""The service on a real broker: what it picks is what one thread would pick, however often it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from shutil import copyfile

import pytest

from streamsel.testing.kafka_broker import Served
from streamsel.testing.service_process import wait_for
from streamsel.topic.cloudevent import Event
from tests.ingest.ingesting import PARTITIONS, Pipeline, Service, all_read, pictures, serving

pytestmark = pytest.mark.xdist_group("ingest")


def newer(pipeline: Pipeline, before: int) -> int:
    """How many picks there are, where there are more than before."""
    found = len(pipeline.found())
    return found if found > before else 0


def test_picks_are_those_of_one_thread(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path)
    pipeline.send(pictures(500))
    with serving(pipeline):
        wait_for(lambda: all_read(pipeline))
    expected = pipeline.expected()
    assert 10 < len(expected) < 400
    assert sorted(pipeline.found()) == sorted(expected)


def test_killed_it_goes_on_where_it_was(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path, records=8)
    broker.create(pipeline.picks, 2)
    pipeline.send(pictures(600))
    found = 0
    for _ in range(2):
        with Service(pipeline) as service:
            found = service.wait(lambda before=found: newer(pipeline, before))
            service.kill()
    with Service(pipeline) as service:
        service.wait(lambda: all_read(pipeline))
        assert service.stop() == 0
        assert [line["rebuilds"] for line in service.events("stopped")] == [0]
    assert sorted(pipeline.found()) == sorted(pipeline.expected())


def test_killed_within_a_segment_it_goes_on_within_it(
    broker: Served, topic_name: str, tmp_path: Path, clip: Path
) -> None:
    (tmp_path / "clips").mkdir()
    copyfile(clip, tmp_path / "clips" / "six.mp4")
    pipeline = Pipeline(broker, topic_name, tmp_path, records=8, reading=", references: clips")
    event = Event(id="a", source="camera", type="segment", subject="six", content_type="video/mp4", dataref="six.mp4")
    pipeline.send([b""] * PARTITIONS, event.headers())
    with Service(pipeline) as service:
        service.wait(lambda: newer(pipeline, 0))
        service.kill()
    with Service(pipeline) as service:
        service.wait(lambda: all_read(pipeline))
        assert service.stop() == 0
    found, expected = pipeline.found(), pipeline.expected()
    assert len(expected) > 3
    assert sorted(found) == sorted([*expected] * PARTITIONS)


def test_members_come_and_go(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path, records=8)
    pipeline.send(pictures(200))
    with Service(pipeline, "one") as one, Service(pipeline, "two") as two, Service(pipeline, "") as nobody:
        members = (one, two, nobody)
        one.wait(lambda: shared(members) and all_read(pipeline))
        pipeline.send(pictures(200, seed=1))
        assert nobody.stop() == 0  # without a name it leaves its partitions at once
        one.wait(lambda: shared((one, two)) and all_read(pipeline))
        pipeline.send(pictures(100, seed=2))
        two.kill()  # its partitions are another's after the session
        one.wait(lambda: shared((one,)) and all_read(pipeline))
        assert one.stop() == 0
    assert sorted(pipeline.found()) == sorted(pipeline.expected())


def shared(members: Sequence[Service]) -> bool:
    """Whether each partition is read by one of the members, and each member has some."""
    owned = [member.owned for member in members]
    return all(owned) and sorted(chain.from_iterable(owned)) == list(range(PARTITIONS))


def test_stopped_past_every_timeout_it_undoes_nothing(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path, records=8)
    pipeline.send(pictures(100))
    with Service(pipeline, "one") as one:
        one.wait(lambda: all_read(pipeline))
        one.process.send_signal(signal.SIGSTOP)
        with Service(pipeline, "two") as two:
            pipeline.send(pictures(200, seed=1))
            two.wait(lambda: all_read(pipeline))
            one.process.send_signal(signal.SIGCONT)
            pipeline.send(pictures(200, seed=2))
            two.wait(lambda: shared((one, two)) and all_read(pipeline))
            assert (one.stop(), two.stop()) == (0, 0)
    assert sorted(pipeline.found()) == sorted(pipeline.expected())


def test_two_of_one_name_end_the_first(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path, records=8)
    pipeline.send(pictures(100))
    with Service(pipeline) as first:
        first.wait(lambda: all_read(pipeline))
        with Service(pipeline) as second:
            second.wait(lambda: second.events("rebalanced"))
            pipeline.send(pictures(100, seed=1))
            assert first.process.wait(60) == 1
            assert "another process" in first.text
            second.wait(lambda: all_read(pipeline))
            assert second.stop() == 0
    assert sorted(pipeline.found()) == sorted(pipeline.expected())


def test_two_of_one_name_end_the_first_though_nothing_comes(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path)
    with Service(pipeline) as first:
        first.wait(lambda: len(first.owned) == PARTITIONS)
        with Service(pipeline) as second:
            assert first.process.wait(60) == 1
            assert "another process runs as instance a" in first.text
            second.wait(lambda: len(second.owned) == PARTITIONS)
            assert second.stop() == 0
