"""The service on a real broker: what it picks is what one thread would pick, however often it is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.testing.kafka_broker import Served
from tests.service.ingesting import Pipeline, Service, all_read, pictures

pytestmark = pytest.mark.xdist_group("kafka")


def test_picks_are_those_of_one_thread(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path)
    pipeline.send(pictures(500))
    with Service(pipeline) as service:
        service.wait(lambda: all_read(pipeline))
        assert service.stop() == 0
    expected = pipeline.expected()
    assert 10 < len(expected) < 400
    assert sorted(pipeline.found()) == sorted(expected)
    assert service.events("stopped")[0]["records"] == 500


def test_killed_it_goes_on_where_it_was(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path, records=8)
    broker.create(pipeline.picks, 2)
    pipeline.send(pictures(600))
    for _ in range(3):
        before = len(pipeline.found())
        with Service(pipeline) as service:
            service.wait(lambda before=before: len(pipeline.found()) > before)
            service.kill()
    with Service(pipeline) as service:
        service.wait(lambda: all_read(pipeline))
        assert service.stop() == 0
    assert sorted(pipeline.found()) == sorted(pipeline.expected())
